// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/core/clock.h"

namespace smtpgate {

/// What the greylist's clock and the wall clock showed at the same moment, in seconds.
struct GreyTimes {
  uint32_t grey = 0;
  int64_t wall = 0;

  int64_t to_wall(uint32_t grey_seconds) const {
    return wall - grey + static_cast<int64_t>(grey_seconds);
  }
};

/// The greylist's own clock, in seconds: it starts as the wall clock does, and never goes back nor
/// jumps. Within a run it follows the steady clock. From one run to the next it moves on by what
/// the wall clock says has passed since the last commit, but not backwards, and not by more than
/// `most_gap_s`: a wall clock set back lengthens no embargo, one set ahead (or a gate that rested
/// for long) takes no more than that from the time for which a scope is known-good.
class GreyTime {
 public:
  GreyTime(const hf::Clock& clock, const GreyTimes& last, uint32_t most_gap_s)
      : clock_(&clock),
        start_ms_(clock.steady_ms()),
        start_(last.grey + static_cast<uint32_t>(std::clamp<int64_t>(
                               clock.unix_seconds() - last.wall, 0, most_gap_s))) {}
  /// The first run of all.
  explicit GreyTime(const hf::Clock& clock)
      : clock_(&clock),
        start_ms_(clock.steady_ms()),
        start_(static_cast<uint32_t>(std::clamp<int64_t>(clock.unix_seconds(), 1, UINT32_MAX))) {}

  uint32_t now() const {
    return start_ + static_cast<uint32_t>((clock_->steady_ms() - start_ms_) / 1000);
  }
  GreyTimes both() const { return {now(), clock_->unix_seconds()}; }

 private:
  const hf::Clock* clock_;
  uint64_t start_ms_;
  uint32_t start_;
};

}  // namespace smtpgate
