// SPDX-License-Identifier: Apache-2.0
#include "base/core/clock.h"

#include <ctime>

namespace hf {
namespace {

class SystemClock final : public Clock {
 public:
  uint64_t steady_ms() const override {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1000 + static_cast<uint64_t>(t.tv_nsec) / 1'000'000;
  }
  int64_t unix_seconds() const override { return time(nullptr); }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

void ManualClock::advance_ms(uint64_t ms) {
  steady_ms_ += ms;
  part_ms_ += ms;
  unix_seconds_ += static_cast<int64_t>(part_ms_ / 1000);
  part_ms_ %= 1000;
}

}  // namespace hf
