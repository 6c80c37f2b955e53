// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/cli/main_cf.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/core/text.h"

namespace smtpgate {
namespace {

constexpr int kMaxDepth = 20;    // of variables in the values of variables
constexpr int kMaxSteps = 2000;  // a variable that doubles itself ends here
constexpr size_t kMaxValue = 256 * 1024;

size_t name_length(std::string_view text) {
  const auto end = std::ranges::find_if_not(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return static_cast<size_t>(end - text.begin());
}

/// The length of a group that starts with an opening bracket, both brackets included, or npos.
size_t group_length(std::string_view text) {
  const char open = text[0], close = open == '{' ? '}' : ')';
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == open) ++depth;
    if (text[i] == close && --depth == 0) return i + 1;
  }
  return std::string_view::npos;
}

/// Cuts the first value off `text`: "{value}" with its blanks, or else all that is left.
std::string_view take_value(std::string_view& text) {
  const std::string_view trimmed = hf::trim(text);
  const size_t length = trimmed.starts_with('{') ? group_length(trimmed) : std::string_view::npos;
  if (length == std::string_view::npos) return std::exchange(text, {});
  text = hf::trim(trimmed.substr(length));
  return trimmed.substr(1, length - 2);
}

}  // namespace

/// What a value has become so far, and what bounds the work on it.
struct MainCf::Expansion {
  std::string text;
  int depth = 0;
  int steps = 0;
};

std::vector<std::string> postfix_lines(std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string_view line : hf::split(text, '\n')) {
    const std::string_view content = hf::trim(line);
    if (content.empty() || content[0] == '#') continue;
    const bool continues = line[0] == ' ' || line[0] == '\t';
    if (continues && !lines.empty())
      lines.back().append(" ").append(content);
    else
      lines.emplace_back(content);
  }
  return lines;
}

MainCf MainCf::parse(std::string_view text) {
  MainCf out;
  for (const std::string& line : postfix_lines(text)) {
    const size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string_view name = hf::trim(std::string_view(line).substr(0, equals));
    out.settings_.insert_or_assign(
        std::string(name), std::string(hf::trim(std::string_view(line).substr(equals + 1))));
  }
  return out;
}

void MainCf::set_default(std::string name, std::string value) {
  defaults_.insert_or_assign(std::move(name), std::move(value));
}

std::string_view MainCf::raw(std::string_view name) const {
  for (const auto* map : {&settings_, &defaults_})
    if (const auto found = map->find(name); found != map->end()) return found->second;
  return {};
}

hf::Result<std::string> MainCf::value(std::string_view name) const {
  Expansion out;
  if (auto done = expand(raw(name), out); !done)
    return hf::fail(std::move(done).error().within(name));
  return std::move(out.text);
}

hf::Result<void> MainCf::expand(std::string_view text, Expansion& out) const {
  if (++out.depth > kMaxDepth) return hf::fail("its variables lead in a circle");
  while (!text.empty()) {
    if (++out.steps > kMaxSteps || out.text.size() > kMaxValue)
      return hf::fail("its variables make it too long");
    const size_t dollar = std::min(text.find('$'), text.size());
    out.text += text.substr(0, dollar);
    text.remove_prefix(std::min(dollar + 1, text.size()));
    if (text.empty()) break;
    if (text[0] == '$') {
      out.text += '$';
      text.remove_prefix(1);
    } else if (text[0] == '{' || text[0] == '(') {
      const size_t length = group_length(text);
      if (length == std::string_view::npos) return hf::fail("a bracket is not closed");
      HF_TRY(expand_braced(text.substr(1, length - 2), out));
      text.remove_prefix(length);
    } else {
      const size_t length = name_length(text);
      HF_TRY(expand(raw(text.substr(0, length)), out));
      text.remove_prefix(length);
    }
  }
  --out.depth;
  return {};
}

hf::Result<void> MainCf::expand_braced(std::string_view inside, Expansion& out) const {
  inside = hf::trim(inside);
  const std::string_view name = inside.substr(0, name_length(inside));
  std::string_view rest = hf::trim(inside.substr(name.size()));
  if (rest.empty() && !name.empty()) return expand(raw(name), out);
  if (name.empty() || (rest[0] != '?' && rest[0] != ':'))
    return hf::fail(fmt::format("\"${{{}}}\" is not evaluated", hf::printable(inside)));
  Expansion condition{.text = {}, .depth = out.depth, .steps = out.steps};
  HF_TRY(expand(raw(name), condition));
  out.steps = condition.steps;
  const bool wants_set = rest[0] == '?';
  rest.remove_prefix(1);
  const std::string_view first = take_value(rest);
  if (condition.text.empty() != wants_set) return expand(first, out);
  if (!rest.starts_with(':')) return {};
  rest.remove_prefix(1);
  return expand(take_value(rest), out);
}

}  // namespace smtpgate
