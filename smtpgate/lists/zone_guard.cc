// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/lists/zone_guard.h"

#include <algorithm>

#include <fmt/format.h>

namespace smtpgate {
namespace {

constexpr int64_t kFirstRetry_s = 5 * 60;
constexpr int64_t kLongestRetry_s = 6 * 60 * 60;
constexpr int64_t kProbePatience_s = 60;  // far beyond any DNS time-out
constexpr uint32_t kRecentAnswers = 100;
constexpr size_t kFewestClients = 200;
constexpr size_t kMostClients = 1000;  // then a new window begins: memory stays bounded
constexpr double kWorldRatio = 0.95;
constexpr uint64_t kCleanSharePercent = 80;

}  // namespace

bool ZoneGuard::may_ask(int64_t now, bool history_is_clean) {
  if (!breaker_admits(now) || !budget_admits(now, history_is_clean)) {
    ++skipped_;
    return false;
  }
  if (open_) {
    probing_ = true;
    retry_at_ = now + kProbePatience_s;
  }
  ++budget_spent_;
  ++asked_;
  return true;
}

bool ZoneGuard::breaker_admits(int64_t now) const {
  return !open_ || now >= retry_at_;
}

bool ZoneGuard::budget_admits(int64_t now, bool history_is_clean) {
  if (budget_.count == 0) return true;
  const int64_t age = now - budget_period_start_;
  if (age < 0 || age >= budget_.period.count()) {  // below 0: the wall clock was set back
    budget_period_start_ = now;
    budget_spent_ = 0;
  }
  const uint64_t share = history_is_clean ? kCleanSharePercent : 100;
  return uint64_t{budget_spent_} * 100 < uint64_t{budget_.count} * share;
}

void ZoneGuard::record(Outcome outcome, const hf::IpAddress& client, int64_t now) {
  const bool answered = outcome == Outcome::kListed || outcome == Outcome::kNotListed;
  if (outcome == Outcome::kListed) ++listed_;
  if (!answered) ++failed_;

  if (open_) {
    record_while_open(outcome, now);
  } else if (outcome == Outcome::kErrorCode) {
    open(
        "it answered with an error code of 127.255.255.0/24: it does not serve this resolver, or "
        "not so many queries",
        now);
  } else {
    count_recent(!answered, now);
    if (answered && !open_) count_client(outcome == Outcome::kListed, client);
  }
}

void ZoneGuard::record_while_open(Outcome outcome, int64_t now) {
  if (!probing_) return;  // the late answer to a question from before
  const bool proves_health =
      outcome == Outcome::kNotListed || (outcome == Outcome::kListed && !listed_the_world_);
  if (proves_health)
    close();
  else
    open(std::move(reason_), now);
}

void ZoneGuard::count_recent(bool failed, int64_t now) {
  ++recent_;
  recent_failed_ += failed;
  if (recent_failed_ > kRecentAnswers / 2) {
    open(fmt::format("{} of its last {} answers were time-outs or failures", recent_failed_,
                     recent_),
         now);
  } else if (recent_ == kRecentAnswers) {
    recent_ = recent_failed_ = 0;
  }
}

void ZoneGuard::count_client(bool listed, const hf::IpAddress& client) {
  if (seen_.size() == kMostClients) forget_window();
  if (!seen_.insert(client).second) return;
  seen_listed_ += listed;
  if (seen_.size() < kFewestClients || listed_ratio() <= kWorldRatio) return;
  if (!std::exchange(questioned_, true)) suspected_ = true;
}

void ZoneGuard::record_sanity(Outcome outcome, int64_t now) {
  if (open_ || outcome != Outcome::kListed) return;
  listed_the_world_ = true;
  open(fmt::format("it lists 127.0.0.1, and so many others, as a dead list does that lists the "
                   "world ({:.0f} % of its answers)",
                   listed_ratio() * 100),
       now);
}

void ZoneGuard::forget_window() {
  recent_ = recent_failed_ = 0;
  questioned_ = false;
  seen_.clear();
  seen_listed_ = 0;
}

void ZoneGuard::open(std::string reason, int64_t now) {
  open_ = true;
  probing_ = false;
  reason_ = std::move(reason);
  retry_after_s_ = std::clamp(retry_after_s_ * 2, kFirstRetry_s, kLongestRetry_s);
  retry_at_ = now + retry_after_s_;
  forget_window();
}

void ZoneGuard::close() {
  open_ = probing_ = listed_the_world_ = false;
  reason_.clear();
  retry_after_s_ = 0;
}

ZoneGuard::State ZoneGuard::state(int64_t now) const {
  if (!open_) return State::kClosed;
  return probing_ || now >= retry_at_ ? State::kHalfOpen : State::kOpen;
}

double ZoneGuard::budget_used() const {
  return budget_.count == 0 ? 0 : static_cast<double>(budget_spent_) / budget_.count;
}

double ZoneGuard::listed_ratio() const {
  return seen_.empty() ? 0 : static_cast<double>(seen_listed_) / static_cast<double>(seen_.size());
}

const char* name_of(ZoneGuard::State state) {
  switch (state) {
    case ZoneGuard::State::kClosed: return "closed";
    case ZoneGuard::State::kOpen: return "open";
    case ZoneGuard::State::kHalfOpen: return "half-open";
  }
  return "";
}

}  // namespace smtpgate
