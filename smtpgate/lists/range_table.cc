// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/lists/range_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <numeric>

namespace smtpgate {
namespace {

constexpr size_t kMostValues = 32;
constexpr int kLevels = 33;
constexpr size_t kRangesPerBucket = 4;

/// What is open at the sweep's position.
class OpenRanges {
 public:
  void add(const LevelledRange& range) {
    ++level(range)[range.value];
    used_levels_ |= uint64_t{1} << range.level;
  }
  void remove(const LevelledRange& range) {
    auto& values = level(range);
    const auto value = values.find(range.value);
    if (--value->second == 0) values.erase(value);
    if (values.empty()) used_levels_ &= ~(uint64_t{1} << range.level);
  }
  /// The values that count; empty if none.
  void values(std::vector<uint32_t>& out) const {
    out.clear();
    if (used_levels_ == 0) return;
    const auto& values = levels_[static_cast<size_t>(std::bit_width(used_levels_)) - 1];
    if (values.contains(kExclusion)) return;
    for (const auto& [value, count] : values) {
      if (out.size() == kMostValues) return;
      out.push_back(value);
    }
  }

 private:
  using Values = std::map<uint32_t, uint32_t>;  // value -> how many open ranges have it
  Values& level(const LevelledRange& range) { return levels_[static_cast<size_t>(range.level)]; }

  std::array<Values, kLevels> levels_;
  uint64_t used_levels_ = 0;  // bit i: level i has something open
};

}  // namespace

class RangeTable::Builder {
 public:
  explicit Builder(RangeTable& table) : table_(table) {}

  void append(uint32_t first, uint32_t last, const std::vector<uint32_t>& values) {
    const uint32_t set = number_of(values);
    const bool continues = !table_.first_.empty() && table_.set_.back() == set &&
                           uint64_t{table_.last_.back()} + 1 == first;
    if (continues) {
      table_.last_.back() = last;
      return;
    }
    table_.first_.push_back(first);
    table_.last_.push_back(last);
    table_.set_.push_back(set);
  }

 private:
  uint32_t number_of(const std::vector<uint32_t>& values) {
    const auto [place, is_new] =
        sets_.try_emplace(values, static_cast<uint32_t>(table_.set_end_.size()));
    if (is_new) {
      table_.members_.insert(table_.members_.end(), values.begin(), values.end());
      table_.set_end_.push_back(static_cast<uint32_t>(table_.members_.size()));
    }
    return place->second;
  }

  RangeTable& table_;
  std::map<std::vector<uint32_t>, uint32_t> sets_;
};

RangeTable::RangeTable(std::vector<LevelledRange> ranges) {
  std::ranges::sort(ranges, {}, &LevelledRange::first);
  std::vector<uint32_t> by_end(ranges.size());
  std::iota(by_end.begin(), by_end.end(), 0U);
  std::ranges::sort(by_end, {}, [&](uint32_t i) { return ranges[i].last; });

  Builder builder(*this);
  OpenRanges open;
  std::vector<uint32_t> values;
  uint64_t position = 0;  // one past the last address when the sweep is over
  size_t next_start = 0, next_end = 0;
  const auto end_of_next = [&] { return uint64_t{ranges[by_end[next_end]].last} + 1; };
  while (next_end < by_end.size()) {
    uint64_t bound = end_of_next();
    if (next_start < ranges.size()) bound = std::min<uint64_t>(bound, ranges[next_start].first);
    open.values(values);
    if (!values.empty() && bound > position)
      builder.append(static_cast<uint32_t>(position), static_cast<uint32_t>(bound - 1), values);
    position = bound;
    while (next_start < ranges.size() && ranges[next_start].first == position)
      open.add(ranges[next_start++]);
    while (next_end < by_end.size() && end_of_next() == position)
      open.remove(ranges[by_end[next_end++]]);
  }
  for (auto* array : {&first_, &last_, &set_, &set_end_, &members_}) array->shrink_to_fit();
  index_buckets();
}

void RangeTable::index_buckets() {
  const auto bits = static_cast<int>(std::bit_width(first_.size() / kRangesPerBucket));
  bucket_shift_ = 32 - bits;
  bucket_begin_.resize((size_t{1} << bits) + 1);
  for (const uint32_t first : first_) ++bucket_begin_[bucket_of(first) + 1];
  std::partial_sum(bucket_begin_.begin(), bucket_begin_.end(), bucket_begin_.begin());
}

std::span<const uint32_t> RangeTable::find(uint32_t address) const {
  if (first_.empty()) return {};
  const size_t bucket = bucket_of(address);
  const auto after = std::upper_bound(first_.begin() + bucket_begin_[bucket],
                                      first_.begin() + bucket_begin_[bucket + 1], address);
  if (after == first_.begin()) return {};
  const auto i = static_cast<size_t>(after - first_.begin()) - 1;  // may be of a bucket before
  if (last_[i] < address) return {};
  const uint32_t set = set_[i];
  const uint32_t begin = set == 0 ? 0 : set_end_[set - 1];
  return std::span(members_).subspan(begin, set_end_[set] - begin);
}

size_t RangeTable::memory_bytes() const {
  return (first_.capacity() + last_.capacity() + set_.capacity() + set_end_.capacity() +
          members_.capacity() + bucket_begin_.capacity()) *
         sizeof(uint32_t);
}

}  // namespace smtpgate
