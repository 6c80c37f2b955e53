// SPDX-License-Identifier: Apache-2.0
//
// Does a name encode an address? There is no standard of it, only habits; those covered:
//
//   decimal octets, each a number of its own, in any order, zero-padded or not: all four, or the
//   last three side by side. Two are not enough: pools of large senders number their hosts so.
//   12 digits (or 6, or 9 with others beside): octets padded to three and joined
//   the octets joined without padding, or the address as one number
//   8 hexadecimal digits, forwards or by octet backwards, together or separated
//   IPv6: 32 nibbles, or those of one half, forwards or backwards; four groups; the short text
//
// A name taken for a customer's line although it is not costs the sender its widest scope, nothing
// more. One pass over the name for each habit.
#include "smtpgate/grey/scope.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include <fmt/format.h>
#include <libpsl.h>

#include "base/core/text.h"

namespace smtpgate {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

/// The maximal runs of characters for which `belongs`.
std::vector<std::string_view> runs_of(std::string_view name, bool (*belongs)(char)) {
  std::vector<std::string_view> runs;
  while (true) {
    const auto begin = std::ranges::find_if(name, belongs);
    if (begin == name.end()) return runs;
    const auto end = std::find_if_not(begin, name.end(), belongs);
    runs.emplace_back(begin, end);
    name = {end, name.end()};
  }
}

/// `name` without what separates groups of digits.
std::string joined(std::string_view name) {
  std::string out(name);
  std::erase_if(out, [](char c) { return c == '-' || c == '.' || c == '_'; });
  return out;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

template <class Numbers>
bool same_in_any_order(const Numbers& a, const Numbers& b) {
  return std::ranges::is_permutation(a, b);
}

/// The numbers of a name that could be octets, in its order; -1 stands for one that could not.
std::vector<int> octet_numbers(const std::vector<std::string_view>& runs) {
  std::vector<int> numbers;
  auto add = [&](std::string_view digits) {
    numbers.push_back(static_cast<int>(hf::parse_int(digits, 0, 255).value_or(-1)));
  };
  for (const auto run : runs) {
    const bool padded = run.size() > 3 && run.size() <= 12 && run.size() % 3 == 0;
    const size_t step = padded ? 3 : run.size();
    for (size_t at = 0; at < run.size(); at += step) add(run.substr(at, step));
  }
  return numbers;
}

bool encodes_octets(const std::vector<int>& numbers, const std::array<int, 4>& octets) {
  // All four somewhere: each number is used up by one octet.
  auto left = numbers;
  const bool all = std::ranges::all_of(octets, [&](int octet) {
    const auto found = std::ranges::find(left, octet);
    if (found == left.end()) return false;
    left.erase(found);
    return true;
  });
  if (all) return true;
  for (size_t at = 0; at + 3 <= numbers.size(); ++at)
    if (same_in_any_order(std::span(numbers).subspan(at, 3),
                          std::span<const int>(octets).subspan(1)))
      return true;
  return false;
}

bool encodes_v4(std::string_view name, uint32_t bits) {
  const std::array<int, 4> octets{static_cast<int>(bits >> 24), static_cast<int>(bits >> 16 & 255),
                                  static_cast<int>(bits >> 8 & 255), static_cast<int>(bits & 255)};
  const auto& [a, b, c, d] = octets;
  const auto runs = runs_of(name, is_digit);
  if (encodes_octets(octet_numbers(runs), octets)) return true;
  for (const std::string& whole : {fmt::format("{}{}{}{}", a, b, c, d),
                                   fmt::format("{}{}{}{}", d, c, b, a), fmt::to_string(bits)})
    if (whole.size() >= 6 && std::ranges::find(runs, whole) != runs.end()) return true;
  const std::string digits = joined(name);
  return contains(digits, fmt::format("{:02x}{:02x}{:02x}{:02x}", a, b, c, d)) ||
         contains(digits, fmt::format("{:02x}{:02x}{:02x}{:02x}", d, c, b, a));
}

bool encodes_v6(std::string_view name, const hf::IpAddress& client) {
  std::string nibbles;
  std::array<std::string, 8> groups;  // without leading zeros
  for (size_t i = 0; i < 8; ++i) {
    const unsigned group = client.bytes()[2 * i] << 8U | client.bytes()[2 * i + 1];
    nibbles += fmt::format("{:04x}", group);
    groups[i] = fmt::format("{:x}", group);
  }
  const std::string digits = joined(name);
  const std::string backwards(nibbles.rbegin(), nibbles.rend());
  for (const std::string_view all : {std::string_view(nibbles), std::string_view(backwards)})
    if (contains(digits, all.substr(0, 16)) || contains(digits, all.substr(16))) return true;

  auto unpadded = runs_of(name, is_hex);
  for (auto& run : unpadded)
    run.remove_prefix(std::min(run.find_first_not_of('0'), run.size() - 1));
  for (const size_t half : {0U, 4U})
    if (!std::ranges::search(unpadded, std::span(groups).subspan(half, 4)).empty()) return true;

  std::string text = client.to_string();
  std::ranges::replace(text, ':', '-');
  return text.size() >= 8 && contains(name, text);
}

/// Lower case without the root's dot; empty if it is no host name.
std::string host_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string host = hf::to_lower(name);
  const bool sound = std::ranges::all_of(host, [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_';
  });
  return sound ? host : std::string();
}

}  // namespace

bool name_encodes_address(std::string_view name, const hf::IpAddress& client) {
  const std::string host = host_name(name);
  return client.is_v4() ? encodes_v4(host, client.v4_bits()) : encodes_v6(host, client);
}

std::string registered_domain(std::string_view name) {
  const std::string host = host_name(name);
  const char* domain = ::psl_registrable_domain(::psl_builtin(), host.c_str());
  return domain != nullptr ? domain : "";
}

std::string network_scope(const hf::IpAddress& client) {
  return "net:" + hf::home_network(client).to_string();
}

std::vector<std::string> scopes_of(const hf::IpAddress& client, std::string_view name,
                                   std::string_view spf_domain) {
  std::vector<std::string> scopes;
  if (const std::string domain = host_name(spf_domain); !domain.empty())
    scopes.push_back("spf:" + domain);
  if (const std::string domain = registered_domain(name);
      !domain.empty() && !name_encodes_address(name, client))
    scopes.push_back("ptr:" + domain);
  scopes.push_back(network_scope(client));
  return scopes;
}

}  // namespace smtpgate
