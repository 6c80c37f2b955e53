// SPDX-License-Identifier: Apache-2.0
//
// IPv4 ranges that overlap, settled once for quick look-ups.
//
// Problem: millions of ranges, each with a value and a level of detail. The values of an address
// are those of the most detailed level that has a range around it: all of them, or none if one of
// them is an exclusion.
// Idea: between two neighbouring bounds of ranges nothing changes. So sweep over the bounds in
// order, keep what is open at each level, and write one disjoint range per stretch that has values;
// stretches that touch and have the same values become one. A look-up is then a binary search among
// the few ranges that begin in the same bucket: memory is what a look-up waits for, and the search
// through all of a million ranges touches four times as much of it.
// Limits: an address keeps at most 32 different values, so that a table is never larger than its
// input times a constant.
// Cost: building n log n; 13 bytes a range, and each different set of values once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace smtpgate {

struct LevelledRange {
  uint32_t first = 0, last = 0;  // both included
  uint32_t value = 0;            // the caller's number for it, or kExclusion
  int level = 0;                 // 0..32, the higher the more detailed
};
inline constexpr uint32_t kExclusion = UINT32_MAX;

class RangeTable {
 public:
  RangeTable() = default;
  explicit RangeTable(std::vector<LevelledRange> ranges);

  /// The values of `address`, lowest first; empty: none. Valid as long as the table.
  std::span<const uint32_t> find(uint32_t address) const;

  size_t size() const { return first_.size(); }
  size_t memory_bytes() const;

 private:
  class Builder;
  void index_buckets();
  size_t bucket_of(uint32_t address) const { return uint64_t{address} >> bucket_shift_; }

  std::vector<uint32_t> first_, last_;  // disjoint ranges in order
  std::vector<uint32_t> set_;           // parallel to them: which set of values
  std::vector<uint32_t> set_end_;       // where each set ends in members_
  std::vector<uint32_t> members_;
  // Addresses with the same upper bits are a bucket; here its ranges begin in first_.
  std::vector<uint32_t> bucket_begin_;
  int bucket_shift_ = 32;
};

}  // namespace smtpgate
