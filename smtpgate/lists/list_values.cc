// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/lists/list_values.h"

#include <algorithm>

#include "base/core/result.h"

namespace smtpgate {
namespace {

constexpr size_t kLongestText = 255;  // one DNS character string

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

uint32_t ListValues::add_text(std::string_view text) {
  HF_CHECK(text.size() <= UINT32_MAX - texts_.size(), "texts beyond what can be numbered");
  texts_ += text;
  text_end_.push_back(static_cast<uint32_t>(texts_.size()));
  return static_cast<uint32_t>(text_end_.size()) - 1;
}

uint32_t ListValues::add_value(uint32_t a, uint32_t text) {
  values_.push_back({a, text});
  return static_cast<uint32_t>(values_.size()) - 1;
}

void ListValues::set_variable(char name, std::string_view text) {
  std::string& variable = name == '=' ? base_ : variables_[static_cast<size_t>(name - '0')];
  if (variable.empty()) variable = text;
}

std::string ListValues::text(uint32_t value, std::string_view subject) const {
  const uint32_t number = values_[value].text;
  const uint32_t begin = number == 0 ? 0 : text_end_[number - 1];
  const auto own = std::string_view(texts_).substr(begin, text_end_[number] - begin);
  std::string_view rest = base_.empty() ? own : base_;
  if (own.starts_with('=')) rest = own.substr(1);

  std::string out;
  while (!rest.empty() && out.size() < kLongestText) {
    const size_t dollar = std::min(rest.find('$'), rest.size());
    out += rest.substr(0, dollar);
    if (dollar == rest.size()) break;
    const char next = dollar + 1 < rest.size() ? rest[dollar + 1] : '\0';
    const bool is_variable = is_digit(next) && !variables_[static_cast<size_t>(next - '0')].empty();
    if (next == '$')
      out += '$';
    else if (next == '=')
      out += own.empty() ? subject : own;
    else if (is_variable)
      out += variables_[static_cast<size_t>(next - '0')];
    else if (is_digit(next))
      out += rest.substr(dollar, 2);
    else
      out += subject;
    const bool took_two = next == '$' || next == '=' || is_digit(next);
    rest.remove_prefix(dollar + (took_two ? 2 : 1));
  }
  out.resize(std::min(out.size(), kLongestText));
  return out;
}

void ListValues::shrink() {
  values_.shrink_to_fit();
  texts_.shrink_to_fit();
  text_end_.shrink_to_fit();
}

size_t ListValues::memory_bytes() const {
  return values_.capacity() * sizeof(Value) + texts_.capacity() +
         text_end_.capacity() * sizeof(uint32_t);
}

}  // namespace smtpgate
