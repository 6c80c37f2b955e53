// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/lists/reply_filter.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/core/text.h"

namespace smtpgate {
namespace {

constexpr uint32_t kLoopbackBlock = 127;
constexpr int64_t kHeaviest = 1'000'000;   // sums of many weights stay far from overflow
constexpr size_t kLongestZone = 253 - 64;  // 32 reversed nibbles of an IPv6 client come before it
constexpr size_t kLongestLabel = 63;

hf::Result<std::bitset<256>> parse_field(std::string_view field) {
  std::bitset<256> numbers;
  const bool is_pattern = field.starts_with('[');
  if (is_pattern) {
    if (!field.ends_with(']')) return hf::fail(fmt::format("\"{}\" lacks its ]", field));
    field = field.substr(1, field.size() - 2);
  }
  for (const auto range : is_pattern ? hf::split(field, ';') : std::vector{field}) {
    const size_t dots = is_pattern ? range.find("..") : range.npos;
    const auto first = hf::parse_int(range.substr(0, dots), 0, 255);
    const auto last = dots == range.npos ? first : hf::parse_int(range.substr(dots + 2), 0, 255);
    if (!first || !last)
      return hf::fail(fmt::format("\"{}\" is not a number from 0 to 255{}", hf::printable(range),
                                  is_pattern ? " or a range of them such as 2..11" : ""));
    if (*first > *last)
      return hf::fail(fmt::format("the range \"{}\" runs backwards", hf::printable(range)));
    for (int64_t n = *first; n <= *last; ++n) numbers.set(static_cast<size_t>(n));
  }
  return numbers;
}

/// Splits at dots outside brackets; inside them ".." is a range.
std::vector<std::string_view> split_fields(std::string_view text) {
  std::vector<std::string_view> fields;
  bool in_brackets = false;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') in_brackets = true;
    if (text[i] == ']') in_brackets = false;
    if (text[i] != '.' || in_brackets) continue;
    fields.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  fields.push_back(text.substr(begin));
  return fields;
}

bool is_zone_name(std::string_view name) {
  return name.size() <= kLongestZone && std::ranges::all_of(hf::split(name, '.'), [](auto label) {
           return !label.empty() && label.size() <= kLongestLabel &&
                  label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == label.npos;
         });
}

}  // namespace

ReplyFilter::ReplyFilter() {
  fields_[0].set(kLoopbackBlock);
  for (size_t i = 1; i < fields_.size(); ++i) fields_[i].set();
}

hf::Result<ReplyFilter> ReplyFilter::parse(std::string_view text) {
  const auto fields = split_fields(text);
  ReplyFilter filter;
  if (fields.size() != filter.fields_.size())
    return hf::fail(fmt::format("the filter \"{}\" needs four fields such as 127.0.0.[2..11]",
                                hf::printable(text)));
  for (size_t i = 0; i < fields.size(); ++i) {
    auto field = parse_field(fields[i]);
    if (!field)
      return hf::fail(std::move(field).error().within(
          fmt::format("in the filter \"{}\"", hf::printable(text))));
    filter.fields_[i] = *field;
  }
  return filter;
}

bool ReplyFilter::matches(const hf::IpAddress& answer) const {
  if (!answer.is_v4()) return false;
  const uint32_t bits = answer.v4_bits();
  return fields_[0][bits >> 24] && fields_[1][bits >> 16 & 0xff] && fields_[2][bits >> 8 & 0xff] &&
         fields_[3][bits & 0xff];
}

hf::Result<ListRule> parse_list_rule(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return hf::fail(fmt::format("list \"{}\": {}", hf::printable(text), why));
  };
  ListRule rule;
  std::string_view rest = hf::trim(text);
  if (const size_t star = rest.rfind('*'); star != rest.npos) {
    std::string_view digits = rest.substr(star + 1);
    if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
    const auto weight = hf::parse_int(digits, -kHeaviest, kHeaviest);
    if (!weight) return bad("after * comes a weight, a whole number such as 2 or -4");
    rule.weight = static_cast<int>(*weight);
    rest = rest.substr(0, star);
  }
  if (const size_t equals = rest.find('='); equals != rest.npos) {
    rule.filter_text = rest.substr(equals + 1);
    auto filter = ReplyFilter::parse(rule.filter_text);
    if (!filter) return bad(filter.error().message);
    rule.filter = *filter;
    rest = rest.substr(0, equals);
  }
  rule.zone = hf::to_lower(rest);
  if (rule.zone.ends_with('.')) rule.zone.pop_back();
  if (!is_zone_name(rule.zone))
    return bad(
        "write a list as zone, zone*weight or zone=filter*weight, with a domain name of at "
        "most 189 characters as the zone, such as zen.spamhaus.org=127.0.0.[2..11]*3");
  return rule;
}

ListCode classify_list_answer(const hf::IpAddress& answer) {
  if (!answer.is_v4()) return ListCode::kNotListing;
  const uint32_t bits = answer.v4_bits();
  if (bits >> 24 != kLoopbackBlock || bits == 0x7f000001) return ListCode::kNotListing;
  return bits >> 8 == 0x7fffff ? ListCode::kListError : ListCode::kListed;
}

}  // namespace smtpgate
