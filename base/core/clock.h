// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace hf {

/// The seam to time. `steady_ms` never goes back and drives timers; `unix_seconds` is the wall
/// clock, which may jump, and is what is stored and shown.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual uint64_t steady_ms() const = 0;
  virtual int64_t unix_seconds() const = 0;
};

/// CLOCK_MONOTONIC and CLOCK_REALTIME of this machine.
Clock& system_clock();

/// A clock turned by hand, for tests.
class ManualClock final : public Clock {
 public:
  uint64_t steady_ms() const override { return steady_ms_; }
  int64_t unix_seconds() const override { return unix_seconds_; }

  /// Both clocks move on by `ms`.
  void advance_ms(uint64_t ms);
  /// Only the wall clock jumps.
  void set_unix_seconds(int64_t seconds) { unix_seconds_ = seconds; }

 private:
  uint64_t steady_ms_ = 1'000'000;
  int64_t unix_seconds_ = 1'700'000'000;
  uint64_t part_ms_ = 0;  // milliseconds not yet a full second of the wall clock
};

}  // namespace hf
