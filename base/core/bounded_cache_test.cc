// SPDX-License-Identifier: Apache-2.0
#include "base/core/bounded_cache.h"

#include <doctest/doctest.h>

using hf::BoundedCache;

TEST_CASE("an entry is found until it expires") {
  BoundedCache<int, int> cache(10);
  cache.put(1, 100, 1000);
  REQUIRE(cache.find(1, 999) != nullptr);
  CHECK(*cache.find(1, 999) == 100);
  CHECK(cache.find(1, 1000) == nullptr);
  CHECK(cache.find(2, 0) == nullptr);
}

TEST_CASE("a newer value replaces an older one, whichever generation that is in") {
  BoundedCache<int, int> cache(2);
  cache.put(1, 100, 1000);
  cache.put(2, 200, 1000);
  cache.put(3, 300, 1000);  // 1 and 2 are in the old generation now
  cache.put(1, 101, 1000);
  CHECK(*cache.find(1, 0) == 101);
}

TEST_CASE("it never holds more than its capacity and some, and keeps what is used") {
  BoundedCache<int, int> cache(100);
  cache.put(-1, 7, 1'000'000);
  for (int i = 0; i < 10'000; ++i) {
    cache.put(i, i, 1'000'000);
    REQUIRE(cache.find(-1, 0) != nullptr);
    CHECK(cache.size() <= 103);
  }
  CHECK(cache.find(0, 0) == nullptr);
  CHECK(cache.find(9'999, 0) != nullptr);
}
