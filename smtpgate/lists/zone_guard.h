// SPDX-License-Identifier: Apache-2.0
//
// Keeps one DNS list from doing harm: a circuit breaker, a world-listing detector and a query
// budget for one zone.
//
// The breaker is closed (the list counts), open (weight 0, no queries) or half-open (one query at
// a time probes it). It opens when: an error code (127.255.255.0/24) comes back; more than half of
// a hundred answers were time-outs or failures; or the list lists the world, as dead zones do. It
// retries after 5 min, then twice as long each time, up to 6 h. All time is passed in, so that tests
// turn the clock.
//
// Listing the world: when more than 95 % of at least 200 distinct clients were "listed", the list is
// suspected and asked about 127.0.0.1, which no working list may list (RFC 5782 §5). Its answer
// convicts or clears it. The suspicion alone proves nothing: known-good clients are not asked about,
// so that in a flood of spam nearly all who are may rightly be listed.
//
// Distinct clients, because a bot that knocks a thousand times is one client here. While the list
// is open for listing the world, only an answer of "not listed" closes the breaker again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/core/text.h"
#include "base/net/ip.h"

namespace smtpgate {

class ZoneGuard {
 public:
  enum class State : uint8_t { kClosed, kOpen, kHalfOpen };
  enum class Outcome : uint8_t { kListed, kNotListed, kErrorCode, kFailed, kTimeout };

  /// `budget.count` of 0: no budget.
  explicit ZoneGuard(hf::Rate budget) : budget_(budget) {}

  /// Whether a query may be sent now; a granted one is counted against the budget.
  /// `history_is_clean`: the client is skipped once 80 % of the budget are used.
  bool may_ask(int64_t now, bool history_is_clean);
  /// What a query about `client` brought.
  void record(Outcome outcome, const hf::IpAddress& client, int64_t now);

  /// True once after a suspicion arose: the caller asks the list about 127.0.0.1 and says what came
  /// back to record_sanity().
  bool take_suspicion() { return std::exchange(suspected_, false); }
  void record_sanity(Outcome outcome, int64_t now);

  State state(int64_t now) const;
  /// Why it is open; empty while closed.
  std::string_view reason() const { return reason_; }
  double budget_used() const;   // 0..1 of the current period
  double listed_ratio() const;  // of the distinct clients in the window
  uint64_t asked() const { return asked_; }
  uint64_t listed() const { return listed_; }
  uint64_t failed() const { return failed_; }
  uint64_t skipped() const { return skipped_; }

 private:
  bool breaker_admits(int64_t now) const;
  bool budget_admits(int64_t now, bool history_is_clean);
  void record_while_open(Outcome outcome, int64_t now);
  void count_recent(bool failed, int64_t now);
  void count_client(bool listed, const hf::IpAddress& client);
  void forget_window();
  void open(std::string reason, int64_t now);
  void close();

  hf::Rate budget_;
  int64_t budget_period_start_ = 0;
  uint32_t budget_spent_ = 0;

  bool open_ = false;
  bool probing_ = false;           // a probe is under way
  bool listed_the_world_ = false;  // why it is open
  bool suspected_ = false;         // of listing the world, and the caller does not know yet
  bool questioned_ = false;        // in this window already
  int64_t retry_at_ = 0;           // when the next probe may go; while probing: if this one is lost
  int64_t retry_after_s_ = 0;
  std::string reason_;

  uint32_t recent_ = 0;  // outcomes in the current hundred
  uint32_t recent_failed_ = 0;
  std::unordered_set<hf::IpAddress> seen_;  // distinct clients of the window, capped
  uint32_t seen_listed_ = 0;

  uint64_t asked_ = 0, listed_ = 0, failed_ = 0, skipped_ = 0;
};

const char* name_of(ZoneGuard::State state);

}  // namespace smtpgate
