// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/lists/range_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

namespace smtpgate {
namespace {

/// What the table is to say, by looking at every range.
std::vector<uint32_t> expected(const std::vector<LevelledRange>& ranges, uint32_t address) {
  int finest = -1;
  std::set<uint32_t> values;
  for (const LevelledRange& range : ranges) {
    if (address < range.first || range.last < address || range.level < finest) continue;
    if (range.level > finest) values.clear();
    finest = range.level;
    values.insert(range.value);
  }
  if (values.contains(kExclusion)) return {};
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("a table says of every address what a look at every range says") {
  std::mt19937 random(20'261'121);
  const auto below = [&](uint32_t limit) { return static_cast<uint32_t>(random()) % limit; };
  for (int round = 0; round < 300; ++round) {
    // At the lower end of the address space, around its middle or up to its very end.
    const uint32_t base = std::array{0U, 0x7fffff80U, 0xffffff00U}[below(3)];
    std::vector<LevelledRange> ranges(1 + below(40));
    for (LevelledRange& range : ranges) {
      const uint32_t a = below(256), b = std::min(255U, a + below(below(2) ? 4 : 256));
      const uint32_t value = below(6);
      range = {base + a, base + b, value == 0 ? kExclusion : value,
               std::array{0, 8, 31, 32}[below(4)]};
    }
    const RangeTable table(ranges);
    for (uint32_t offset = 0; offset < 256; ++offset) {
      const auto found = table.find(base + offset);
      REQUIRE(std::ranges::equal(found, expected(ranges, base + offset)));
    }
    CHECK(table.find(base - 1).empty());
    CHECK(table.find(base + 256).empty());
  }
}

TEST_CASE("many ranges with buckets of their own are found at their borders") {
  std::vector<LevelledRange> ranges;
  for (uint32_t i = 0; i < 10'000; ++i) {
    const uint32_t first = i * 400'000 + i % 977;
    ranges.push_back({first, first + i % 300'000, i % 7, 32});
  }
  const RangeTable table(ranges);
  CHECK(table.size() == ranges.size());
  for (const LevelledRange& range : ranges) {
    for (const uint32_t address : {range.first, range.last}) {
      REQUIRE(table.find(address).size() == 1);
      REQUIRE(table.find(address)[0] == range.value);
    }
    REQUIRE(table.find(range.last + 1).empty());
  }
}

TEST_CASE("an empty table has nothing") {
  CHECK(RangeTable().find(0).empty());
  CHECK(RangeTable(std::vector<LevelledRange>()).find(UINT32_MAX).empty());
}

}  // namespace smtpgate
