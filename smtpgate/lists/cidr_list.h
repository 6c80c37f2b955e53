// SPDX-License-Identifier: Apache-2.0
//
// Allow and deny lists: text files of one address or CIDR block a line.
//
//   192.0.2.0/24                                    # a comment
//   2001:db8::/32   until=2026-12-01T00:00:00Z      # no longer counts after that moment
//
// Of two lines about the same block the later one counts, so that a tool may append.
// Look-up is by longest match. Cost: one hash probe per prefix length that occurs in the file.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/core/result.h"
#include "base/net/ip.h"

namespace smtpgate {

class CidrList {
 public:
  struct Entry {
    hf::IpPrefix prefix;
    int64_t until = 0;  // unix seconds after which it no longer counts; 0: for ever
    std::string note;   // the line's comment, without '#'
  };

  /// An error names `file_name` and the line.
  static hf::Result<CidrList> parse(std::string_view text, std::string_view file_name);
  static hf::Result<CidrList> load(const std::string& path);

  /// The longest entry that contains `address` and counts at `now`; valid until the list changes.
  const Entry* find(const hf::IpAddress& address, int64_t now) const;
  size_t size() const { return entries_.size(); }
  const std::vector<Entry>& entries() const { return entries_; }

  /// The line of the file for one entry, without line end.
  static std::string format(const Entry& entry);

 private:
  std::vector<Entry> entries_;
  // For each family, longest first: prefix length -> (network -> index into entries_).
  using ByNetwork = std::unordered_map<hf::IpAddress, uint32_t>;
  std::map<int, ByNetwork, std::greater<>> v4_;
  std::map<int, ByNetwork, std::greater<>> v6_;
};

}  // namespace smtpgate
