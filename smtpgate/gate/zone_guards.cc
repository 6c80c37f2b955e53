// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/zone_guards.h"

#include <algorithm>

#include "base/os/log.h"

namespace smtpgate {

ZoneGuards::ZoneGuards(const Config& config, GateMetrics& metrics, const ZoneGuards* before) {
  std::unique_lock<std::mutex> lock;
  if (before) lock = std::unique_lock(before->mutex_);
  for (const ListConfig& list : config.lists) {
    Entry entry{list.name,
                list.rule.zone,
                list.budget,
                ZoneGuard(list.budget),
                ZoneGuard::State::kClosed,
                metrics.list(list.name)};
    if (before) {
      auto same = std::ranges::find_if(before->entries_, [&](const Entry& old) {
        return old.name == entry.name && old.zone == entry.zone && old.budget == entry.budget;
      });
      if (same != before->entries_.end()) {
        entry.guard = same->guard;
        entry.told = same->told;
      }
    }
    entries_.push_back(std::move(entry));
  }
}

bool ZoneGuards::may_ask(size_t list, int64_t now, bool history_is_clean) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[list];
  const bool may = entry.guard.may_ask(now, history_is_clean);
  if (!may) entry.metrics.skipped.Increment();
  return may;
}

bool ZoneGuards::record(size_t list, ZoneGuard::Outcome outcome, const hf::IpAddress& client,
                        int64_t now, uint64_t took_ms) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[list];
  entry.guard.record(outcome, client, now);
  entry.metrics.seconds.Observe(static_cast<double>(took_ms) / 1000);
  switch (outcome) {
    case ZoneGuard::Outcome::kListed: entry.metrics.listed.Increment(); break;
    case ZoneGuard::Outcome::kNotListed: entry.metrics.not_listed.Increment(); break;
    case ZoneGuard::Outcome::kErrorCode: entry.metrics.error_code.Increment(); break;
    case ZoneGuard::Outcome::kFailed: entry.metrics.failed.Increment(); break;
    case ZoneGuard::Outcome::kTimeout: entry.metrics.timed_out.Increment(); break;
  }
  tell(entry, now);
  return entry.guard.take_suspicion();
}

void ZoneGuards::record_sanity(size_t list, ZoneGuard::Outcome outcome, int64_t now) {
  const std::lock_guard lock(mutex_);
  entries_[list].guard.record_sanity(outcome, now);
  tell(entries_[list], now);
}

void ZoneGuards::tell(Entry& entry, int64_t now) {
  const ZoneGuard::State state = entry.guard.state(now);
  if (state == entry.told) return;
  entry.told = state;
  if (state == ZoneGuard::State::kOpen)
    hf::log_warn("list {} does not count for now: {}", entry.name, entry.guard.reason());
  else if (state == ZoneGuard::State::kClosed)
    hf::log_info("list {} counts again", entry.name);
}

void ZoneGuards::publish(int64_t now) {
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    entry.metrics.listed_ratio.Set(entry.guard.listed_ratio());
    entry.metrics.budget_used.Set(entry.guard.budget_used());
    entry.metrics.breaker_state.Set(static_cast<double>(entry.guard.state(now)));
  }
}

std::vector<ZoneGuards::Status> ZoneGuards::status(int64_t now) const {
  const std::lock_guard lock(mutex_);
  std::vector<Status> out;
  for (const Entry& entry : entries_) {
    const ZoneGuard& guard = entry.guard;
    out.push_back({entry.name, entry.zone, guard.state(now), std::string(guard.reason()),
                   guard.budget_used(), guard.listed_ratio(), guard.asked(), guard.listed(),
                   guard.failed(), guard.skipped()});
  }
  return out;
}

}  // namespace smtpgate
