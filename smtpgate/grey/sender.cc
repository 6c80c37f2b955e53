// SPDX-License-Identifier: Apache-2.0
//
// A retry must be recognised although its envelope differs in what the sender's software varies.
// The forms are undone from the outside in, until none is left, since a forwarder (SRS) may have
// forwarded what was tagged before (BATV):
//
//   prvs=TAG=local, prvs=local=TAG   BATV, draft-levine-smtp-batv; TAG is 10 digits, hexadecimal
//   btv1==TAG==local, msprvs1=TAG=…  the same by products with tags of their own
//   SRS0=HHH=TT=domain=local         Sender Rewriting Scheme: back to local@domain
//   SRS1=HHH=host==HHH=TT=domain=…   a second forwarder's: what is behind "==" is as in SRS0
//   list+user=domain, bounce-42-x    VERP: the tail goes, from the first '-' if a digit follows it
//   a7 -> a#, long words with digits -> #
//
// Too coarse does little harm, since recipient and scope are compared as well; too fine delays
// mail. A step never lengthens the address, so the cost is at worst quadratic in some 300 bytes.
#include "smtpgate/grey/sender.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/core/text.h"

namespace smtpgate {
namespace {

// Words with digits at least this long are serial numbers in hexadecimal, base32 and the like.
constexpr size_t kSerialLength = 12;

struct Address {
  std::string_view local;
  std::string_view domain;  // with its '@'; empty if there is none
};

Address parts_of(std::string_view address) {
  const size_t at = std::min(address.rfind('@'), address.size());
  return {address.substr(0, at), address.substr(at)};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z');
}

bool is_batv_tag(std::string_view text) {
  return text.size() == 10 &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

/// What follows the first `separator`; nullopt if there is nothing.
std::optional<std::string_view> after(std::string_view text, std::string_view separator) {
  const size_t at = text.find(separator);
  if (at == text.npos || at + separator.size() == text.size()) return std::nullopt;
  return text.substr(at + separator.size());
}

/// The local part that a BATV tag was put to.
std::optional<std::string_view> without_batv(std::string_view local) {
  if (local.starts_with("btv1==")) return after(local.substr(6), "==");
  if (local.starts_with("msprvs1=")) return after(local.substr(8), "=");
  if (!local.starts_with("prvs=")) return std::nullopt;
  local.remove_prefix(5);
  const size_t last = local.rfind('=');
  if (last != local.npos && last > 0 && is_batv_tag(local.substr(last + 1)))
    return local.substr(0, last);
  return after(local, "=");
}

/// The address that an SRS local part was made from: HHH=TT=domain=local behind "SRS0" and one of
/// "=+-"; the separators that follow are "=".
std::optional<std::string> without_srs(std::string_view local) {
  const bool twice = local.starts_with("srs1");
  if (!twice && !local.starts_with("srs0")) return std::nullopt;
  local.remove_prefix(4);
  if (twice) {
    const size_t inner = std::min({local.find("=="), local.find("=+"), local.find("=-")});
    if (inner == local.npos) return std::nullopt;
    local.remove_prefix(inner + 1);
  }
  if (local.empty() || std::string_view("=+-").find(local[0]) == std::string_view::npos)
    return std::nullopt;
  local.remove_prefix(1);
  const auto stamp = after(local, "=");
  const auto domain = stamp ? after(*stamp, "=") : std::nullopt;
  const auto name = domain ? after(*domain, "=") : std::nullopt;
  if (!name) return std::nullopt;
  const auto host = domain->substr(0, domain->size() - name->size() - 1);
  if (host.empty()) return std::nullopt;
  return std::string(*name).append("@").append(host);
}

/// Undoes one tag or rewriting; false if there is none.
bool unwrap(std::string& address) {
  const auto [local, domain] = parts_of(address);
  if (const auto inner = without_batv(local)) {
    address = std::string(*inner).append(domain);
    return true;
  }
  if (auto original = without_srs(local)) {
    address = std::move(*original);
    return true;
  }
  return false;
}

std::string_view without_tail(std::string_view local) {
  local = local.substr(0, local.find_first_of("+=", 1));
  const size_t last_digit = local.find_last_of("0123456789");
  const size_t dash = local.find('-', 1);
  return last_digit != local.npos && dash < last_digit ? local.substr(0, dash) : local;
}

std::string without_numbers(std::string_view local) {
  std::string out;
  while (!local.empty()) {
    const auto end = std::ranges::find_if_not(local, is_alnum);
    const auto word = local.substr(0, std::max<size_t>(end - local.begin(), 1));
    local.remove_prefix(word.size());
    if (word.size() >= kSerialLength && std::ranges::any_of(word, is_digit)) {
      out += '#';
      continue;
    }
    for (const char c : word) {
      if (!is_digit(c))
        out += c;
      else if (out.empty() || out.back() != '#')
        out += '#';
    }
  }
  return out;
}

/// A name may end with the root's dot.
std::string_view without_root(std::string_view domain) {
  return domain.substr(0, domain.find_last_not_of('.') + 1);
}

}  // namespace

std::string normalise_sender(std::string_view mail_from) {
  if (mail_from.empty()) return "<>";
  std::string address = hf::to_lower(mail_from);
  while (unwrap(address)) {
  }
  const auto [local, domain] = parts_of(address);
  return without_numbers(without_tail(local)).append(without_root(domain));
}

std::string normalise_recipient(std::string_view rcpt_to) {
  const std::string address = hf::to_lower(rcpt_to);
  const auto [local, domain] = parts_of(address);
  return std::string(local.substr(0, local.find('+', 1))).append(without_root(domain));
}

}  // namespace smtpgate
