// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/smtp_path.h"

#include <algorithm>

#include "base/core/text.h"

namespace smtpgate {
namespace {

/// Where the address that begins `text` ends: at the first of `stops` outside a quoted local part,
/// else at the end of `text`; npos where a quote is never closed.
size_t end_of_address(std::string_view text, std::string_view stops) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (!quoted && stops.find(text[i]) != stops.npos)
      return i;
  }
  return quoted ? text.npos : text.size();
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }

}  // namespace

hf::Result<std::string> parse_path(std::string_view argument, std::string_view keyword) {
  if (hf::to_lower(argument.substr(0, keyword.size())) != hf::to_lower(keyword) ||
      argument.size() <= keyword.size() || argument[keyword.size()] != ':')
    return hf::fail(std::string(keyword) + ":<address> is missing");
  std::string_view rest = hf::trim(argument.substr(keyword.size() + 1));
  if (std::ranges::any_of(rest, is_control)) return hf::fail("a control character");

  std::string_view address;
  if (rest.starts_with('<')) {
    rest.remove_prefix(1);
    const size_t end = end_of_address(rest, ">");
    if (end >= rest.size()) return hf::fail("the closing \">\" is missing");
    const std::string_view after = rest.substr(end + 1);
    if (!after.empty() && after[0] != ' ') return hf::fail("something follows the \">\"");
    address = rest.substr(0, end);
  } else {
    const size_t end = end_of_address(rest, " ");
    if (end == rest.npos) return hf::fail("a quote is not closed");
    address = rest.substr(0, end);
    if (address.empty()) return hf::fail("the address is missing");
  }
  if (address.starts_with('@')) {  // a source route: "@relay,@relay:local@domain"
    const size_t colon = address.find(':');
    if (colon == address.npos) return hf::fail("there is nothing but a source route");
    address.remove_prefix(colon + 1);
  }
  if (end_of_address(address, " <>") != address.size())
    return hf::fail("a blank or bracket within the address");
  return std::string(address);
}

bool is_postmaster(std::string_view recipient) {
  return hf::to_lower(recipient.substr(0, recipient.rfind('@'))) == "postmaster";
}

}  // namespace smtpgate
