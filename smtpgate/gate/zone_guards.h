// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "smtpgate/gate/metrics.h"
#include "smtpgate/lists/zone_guard.h"
#include "smtpgate/policy/config.h"

namespace smtpgate {

/// The guards of all configured lists, by their index, shared by the workers so that a budget is
/// one budget. Raises the lists' metrics, and logs a list that is switched off or on, once.
class ZoneGuards {
 public:
  /// Lists that `before` knew by the same name, zone and budget keep their state.
  ZoneGuards(const Config& config, GateMetrics& metrics, const ZoneGuards* before);

  bool may_ask(size_t list, int64_t now, bool history_is_clean);
  /// True: the list is suspected of listing the world, and is to be asked about 127.0.0.1.
  bool record(size_t list, ZoneGuard::Outcome outcome, const hf::IpAddress& client, int64_t now,
              uint64_t took_ms);
  /// What it said to that.
  void record_sanity(size_t list, ZoneGuard::Outcome outcome, int64_t now);

  /// Brings the gauges up to date.
  void publish(int64_t now);

  struct Status {
    std::string name, zone;
    ZoneGuard::State state = ZoneGuard::State::kClosed;
    std::string reason;
    double budget_used = 0, listed_ratio = 0;
    uint64_t asked = 0, listed = 0, failed = 0, skipped = 0;
  };
  std::vector<Status> status(int64_t now) const;

 private:
  struct Entry {
    std::string name, zone;
    hf::Rate budget;
    ZoneGuard guard;
    ZoneGuard::State told;  // the state that was logged last
    GateMetrics::List metrics;
  };
  void tell(Entry& entry, int64_t now);

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;  // guarded by mutex_
};

}  // namespace smtpgate
