// SPDX-License-Identifier: Apache-2.0
//
// Zone data in rbldnsd's formats (rbldnsd(8)), read without any DNS: ip4set, ip4trie, dnset.
//
// Addresses are kept as a sorted array of disjoint ranges, so that a look-up is a binary search:
// 13 bytes a range, about 100 ns at a million of them (range_table.h). The formats differ in how
// overlaps are settled, and that is done when the file is loaded:
//
//   ip4set   all values of the finest of /32, /24, /16 and /8 that has the address, each line being
//            cut at octet borders; an exclusion among them means not listed
//   ip4trie  the longest matching block, and of equal blocks the first line
//   dnset    all values of the name itself, else of the nearest wildcard above it
//
// A line that rbldnsd would warn about and skip is an error here: a file that is half understood
// must not replace one that was whole. Limits: $TTL, $SOA, $NS and $TIMESTAMP lines are skipped,
// $DATASET and compressed files are refused; an address has 32 values and a text 255 bytes at most.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/net/ip.h"

namespace smtpgate {

class RbldnsdZone {
 public:
  enum class Format : uint8_t { kIp4Set, kIp4Trie, kDnset };

  /// "ip4set", "ip4trie" or "dnset"; by the file name's ending where `name` is empty.
  static hf::Result<Format> format_of(std::string_view name, std::string_view path);
  /// An error names `file_name` and the line.
  static hf::Result<RbldnsdZone> parse(std::string_view text, Format format,
                                       std::string_view file_name);
  static hf::Result<RbldnsdZone> load(const std::string& path, Format format);

  RbldnsdZone();
  RbldnsdZone(RbldnsdZone&&) noexcept;
  RbldnsdZone& operator=(RbldnsdZone&&) noexcept;
  ~RbldnsdZone();

  struct Listing {
    std::vector<hf::IpAddress> answers;  // the A records that rbldnsd would give
    std::string text;  // the first TXT, with $ replaced by the address or name; may be empty
  };
  /// nullopt: not listed. IPv6 addresses are in no ip4 zone.
  std::optional<Listing> find(const hf::IpAddress& address) const;
  /// For dnset: the name or a wildcard of a parent of it is in the zone.
  std::optional<Listing> find_name(std::string_view name) const;

  size_t size() const;  // entries of the file
  size_t memory_bytes() const;

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace smtpgate
