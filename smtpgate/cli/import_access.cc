// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/cli/import_access.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/core/text.h"
#include "base/os/file.h"
#include "smtpgate/cli/main_cf.h"
#include "smtpgate/lists/cidr_list.h"

namespace smtpgate {
namespace {

constexpr size_t kMaxTable = 64 << 20;

bool contains(const hf::IpPrefix& outer, const hf::IpPrefix& inner) {
  return outer.is_v4() == inner.is_v4() && outer.length() <= inner.length() &&
         outer.contains(inner.address());
}

/// "192.0.2.0/24", "[::1]/128", "::ffff:127.0.0.0/104": Postfix's ways to write a network.
hf::Result<hf::IpPrefix> parse_network(std::string_view text) {
  std::string plain;
  std::ranges::copy_if(text, std::back_inserter(plain),
                       [](char c) { return c != '[' && c != ']'; });
  const size_t slash = plain.find('/');
  const auto address = hf::IpAddress::parse(std::string_view(plain).substr(0, slash));
  const bool mapped = address && address->is_v4() && plain.find(':') != std::string::npos;
  if (mapped && slash != std::string::npos)
    if (const auto length = hf::parse_int(plain.substr(slash + 1), 96, 128))
      return hf::IpPrefix(*address, static_cast<int>(*length) - 96);
  return hf::IpPrefix::parse(plain);
}

std::vector<std::string_view> list_items(std::string& text) {
  std::ranges::replace(text, ',', ' ');
  return hf::split_blanks(text);
}

}  // namespace

void AccessImport::read(std::string_view access_list, std::string_view mynetworks) {
  std::string text(access_list);
  for (const std::string_view item : list_items(text)) {
    constexpr std::string_view kCidr = "cidr:";
    if (hf::equals_ignoring_case(item, "permit_mynetworks"))
      read_mynetworks(mynetworks);
    else if (item.starts_with(kCidr) && item.substr(kCidr.size()).starts_with('/'))
      read_table(std::string(item.substr(kCidr.size())));
    else
      notes_.push_back(
          fmt::format("postscreen_access_list: \"{}\" is not carried over; only "
                      "permit_mynetworks and cidr:/path tables are",
                      hf::printable(item)));
  }
}

void AccessImport::read_mynetworks(std::string_view mynetworks) {
  std::string text(mynetworks);
  for (const std::string_view item : list_items(text)) add(item, "permit", "mynetworks");
}

void AccessImport::read_table(const std::string& path) {
  const auto text = hf::read_file(path, kMaxTable);
  if (!text) {
    notes_.push_back(
        fmt::format("postscreen_access_list: cidr:{} is left out: {}", path, text.error().message));
    return;
  }
  for (const std::string& line : postfix_lines(*text)) {
    const auto fields = hf::split_blanks(line);
    add(fields[0], fields.size() > 1 ? fields[1] : "", path);
  }
}

void AccessImport::add(std::string_view pattern, std::string_view action,
                       const std::string& origin) {
  const auto prefix = parse_network(pattern);
  const bool permit = hf::equals_ignoring_case(action, "permit");
  if (!prefix || (!permit && !hf::equals_ignoring_case(action, "reject"))) {
    notes_.push_back(
        fmt::format("{}: \"{} {}\" is left out: only permit and reject of a network "
                    "are carried over",
                    origin, hf::printable(pattern), hf::printable(action)));
    return;
  }
  if (permit) {
    for (const Entry& denied : deny_) {
      // Postfix never gets as far as a permit below an earlier reject.
      if (contains(denied.prefix, *prefix)) return;
      if (contains(*prefix, denied.prefix))
        notes_.push_back(
            fmt::format("{}: {} is refused by Postfix, but within {}, which is allowed, "
                        "and here the allow list comes first",
                        denied.origin, denied.prefix.to_string(), prefix->to_string()));
    }
  }
  (permit ? allow_ : deny_).push_back({*prefix, origin});
}

std::string AccessImport::format(const std::vector<Entry>& entries) {
  std::string out;
  for (const Entry& each : entries)
    out += CidrList::format({.prefix = each.prefix, .until = 0, .note = each.origin}) + '\n';
  return out;
}

}  // namespace smtpgate
