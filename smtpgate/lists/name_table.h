// SPDX-License-Identifier: Apache-2.0
//
// Domain names and wildcards with values, as a sorted array over one string of all names: a look-up
// is a binary search for the name itself, then one for each of its parents among the wildcards.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate {

class NameTable {
 public:
  static constexpr size_t kLongestName = 253;  // in text, RFC 1035 3.1

  /// `name` is in lower case, without final dot and at most kLongestName long; with `is_wildcard`
  /// it stands for everything below it. The same name may have many values.
  void add(std::string_view name, bool is_wildcard, uint32_t value);
  /// Ends the adding; find() needs it.
  void seal();

  struct Match {
    std::string_view name;         // of the entry that decided
    std::vector<uint32_t> values;  // in the order of adding
  };
  /// The values of the name, else those of the nearest wildcard above it. An entry with
  /// kExclusion (range_table.h) among its values, and no entry at all, have none.
  Match find(std::string_view name) const;

  size_t memory_bytes() const;

 private:
  struct Entry {
    uint32_t begin;  // in names_
    uint8_t length;
    bool is_wildcard;
    uint32_t value;
  };
  std::string_view name_of(const Entry& entry) const {
    return std::string_view(names_).substr(entry.begin, entry.length);
  }

  std::string names_;
  std::vector<Entry> entries_;
};

}  // namespace smtpgate
