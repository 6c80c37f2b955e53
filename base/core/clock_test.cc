// SPDX-License-Identifier: Apache-2.0
#include "base/core/clock.h"

#include <ctime>

#include <doctest/doctest.h>

TEST_CASE("a manual clock carries milliseconds over into seconds") {
  hf::ManualClock clock;
  const uint64_t steady = clock.steady_ms();
  const int64_t wall = clock.unix_seconds();
  for (int i = 0; i < 4; ++i) clock.advance_ms(400);
  CHECK(clock.steady_ms() == steady + 1600);
  CHECK(clock.unix_seconds() == wall + 1);
  clock.advance_ms(400);
  CHECK(clock.unix_seconds() == wall + 2);
}

TEST_CASE("a jump of the wall clock leaves the steady clock alone") {
  hf::ManualClock clock;
  const uint64_t steady = clock.steady_ms();
  clock.set_unix_seconds(5);
  CHECK(clock.unix_seconds() == 5);
  CHECK(clock.steady_ms() == steady);
}

TEST_CASE("the system's clock counts milliseconds and knows the date") {
  const hf::Clock& clock = hf::system_clock();
  const uint64_t before = clock.steady_ms();
  const timespec nap{0, 20'000'000};
  nanosleep(&nap, nullptr);
  CHECK(clock.steady_ms() >= before + 19);
  CHECK(clock.steady_ms() < before + 60'000);
  CHECK(clock.unix_seconds() > 1'700'000'000);
}
