// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/lists/zone_guard.h"

#include <doctest/doctest.h>

namespace smtpgate {
namespace {

using Outcome = ZoneGuard::Outcome;
using State = ZoneGuard::State;

constexpr int64_t kStart = 1'795'000'000;
constexpr int64_t kMinute = 60, kHour = 3600;

hf::IpAddress client(uint32_t number) {
  return hf::IpAddress::v4(0xc6120000 + number);
}

ZoneGuard unlimited() {
  return ZoneGuard(hf::Rate{0, std::chrono::seconds(1)});
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

/// Records what `count` clients, beginning with number `first`, brought.
void record(ZoneGuard& guard, Outcome outcome, uint32_t count, uint32_t first = 0) {
  for (uint32_t i = 0; i < count; ++i) guard.record(outcome, client(first + i), kStart);
}

}  // namespace

TEST_CASE("a healthy list stays closed and is counted") {
  ZoneGuard guard = unlimited();
  for (uint32_t i = 0; i < 5000; ++i) {
    REQUIRE(guard.may_ask(kStart, false));
    guard.record(i % 10 ? Outcome::kListed : Outcome::kNotListed, client(i), kStart);
  }
  CHECK(guard.state(kStart) == State::kClosed);
  CHECK(guard.reason().empty());
  CHECK(guard.listed_ratio() == doctest::Approx(0.9));
  CHECK(guard.asked() == 5000);
  CHECK(guard.listed() == 4500);
  CHECK(guard.failed() == 0);
  CHECK(guard.skipped() == 0);
}

TEST_CASE("one error code opens it") {
  ZoneGuard guard = unlimited();
  guard.record(Outcome::kErrorCode, client(1), kStart);
  CHECK(guard.state(kStart) == State::kOpen);
  CHECK(has(guard.reason(), "127.255.255.0/24"));
  CHECK_FALSE(guard.may_ask(kStart + 5 * kMinute - 1, false));
  CHECK(guard.skipped() == 1);
  CHECK(guard.failed() == 1);
}

TEST_CASE("more than half of a hundred answers failing opens it, half does not") {
  ZoneGuard guard = unlimited();
  record(guard, Outcome::kTimeout, 50);
  record(guard, Outcome::kNotListed, 50);
  CHECK(guard.state(kStart) == State::kClosed);

  record(guard, Outcome::kNotListed, 49);
  record(guard, Outcome::kTimeout, 25);
  record(guard, Outcome::kFailed, 25);
  CHECK(guard.state(kStart) == State::kClosed);
  guard.record(Outcome::kFailed, client(1), kStart);  // the 51st of this hundred
  CHECK(guard.state(kStart) == State::kOpen);
  CHECK(guard.reason() == "51 of its last 100 answers were time-outs or failures");
}

TEST_CASE("a list is suspected of listing the world") {
  ZoneGuard guard = unlimited();

  SUBCASE("but not before 200 clients, and then once") {
    record(guard, Outcome::kListed, 199);
    CHECK_FALSE(guard.take_suspicion());
    record(guard, Outcome::kListed, 1, 199);
    CHECK(guard.take_suspicion());
    record(guard, Outcome::kListed, 300, 200);
    CHECK_FALSE(guard.take_suspicion());
  }
  SUBCASE("not at 95 %, only above") {
    record(guard, Outcome::kNotListed, 10);
    record(guard, Outcome::kListed, 190, 10);
    CHECK(guard.listed_ratio() == doctest::Approx(0.95));
    CHECK_FALSE(guard.take_suspicion());
    guard.record(Outcome::kListed, client(200), kStart);  // 191 of 201
    CHECK(guard.take_suspicion());
  }
  SUBCASE("a client that comes again is not another client") {
    record(guard, Outcome::kListed, 199);
    record(guard, Outcome::kListed, 199);
    for (int i = 0; i < 5000; ++i) guard.record(Outcome::kListed, client(7), kStart);
    CHECK_FALSE(guard.take_suspicion());
  }
  SUBCASE("also when it was healthy for long before") {
    record(guard, Outcome::kNotListed, 4500);
    record(guard, Outcome::kListed, 1200, 4500);
    CHECK(guard.take_suspicion());
  }
  CHECK(guard.state(kStart) == State::kClosed);  // a suspicion alone changes nothing
}

TEST_CASE("what it says of 127.0.0.1 convicts or clears a suspected list") {
  ZoneGuard guard = unlimited();
  record(guard, Outcome::kListed, 500);
  REQUIRE(guard.take_suspicion());
  SUBCASE("a flood of bots that are rightly listed") {
    guard.record_sanity(Outcome::kNotListed, kStart);
    CHECK(guard.state(kStart) == State::kClosed);
  }
  SUBCASE("no answer proves nothing") {
    guard.record_sanity(Outcome::kTimeout, kStart);
    CHECK(guard.state(kStart) == State::kClosed);
  }
  SUBCASE("a dead zone that lists the world") {
    guard.record_sanity(Outcome::kListed, kStart);
    CHECK(guard.state(kStart) == State::kOpen);
    CHECK(has(guard.reason(), "lists 127.0.0.1"));
  }
}

TEST_CASE("it retries after 5 min, then twice as long each time, up to 6 h") {
  ZoneGuard guard = unlimited();
  int64_t now = kStart;
  guard.record(Outcome::kErrorCode, client(1), now);
  for (const int64_t wait : {5 * kMinute, 10 * kMinute, 20 * kMinute, 40 * kMinute, 80 * kMinute,
                             160 * kMinute, 320 * kMinute, 6 * kHour, 6 * kHour}) {
    CHECK_FALSE(guard.may_ask(now + wait - 1, false));
    CHECK(guard.state(now + wait - 1) == State::kOpen);
    now += wait;
    CHECK(guard.state(now) == State::kHalfOpen);
    REQUIRE(guard.may_ask(now, false));
    guard.record(Outcome::kTimeout, client(2), now);
  }
  CHECK(has(guard.reason(), "error code"));

  now += 6 * kHour;
  REQUIRE(guard.may_ask(now, false));
  guard.record(Outcome::kListed, client(3), now);
  CHECK(guard.state(now) == State::kClosed);
  CHECK(guard.reason().empty());

  guard.record(Outcome::kErrorCode, client(4), now);  // the waits begin anew
  CHECK(guard.state(now + 5 * kMinute) == State::kHalfOpen);
}

TEST_CASE("half-open lets one probe go at a time") {
  ZoneGuard guard = unlimited();
  guard.record(Outcome::kErrorCode, client(1), kStart);
  const int64_t later = kStart + 5 * kMinute;
  CHECK(guard.may_ask(later, false));
  CHECK(guard.state(later) == State::kHalfOpen);
  CHECK_FALSE(guard.may_ask(later, false));
  CHECK_FALSE(guard.may_ask(later + 59, false));

  SUBCASE("a probe whose answer is lost is followed by another") {
    CHECK(guard.may_ask(later + 60, false));
    CHECK_FALSE(guard.may_ask(later + 60, false));
  }
  SUBCASE("a probe that is answered closes it") {
    guard.record(Outcome::kNotListed, client(2), later + 1);
    CHECK(guard.state(later + 1) == State::kClosed);
    CHECK(guard.may_ask(later + 1, false));
    CHECK(guard.may_ask(later + 1, false));
  }
  SUBCASE("a probe that fails opens it again") {
    guard.record(Outcome::kFailed, client(2), later + 1);
    CHECK(guard.state(later + 2) == State::kOpen);
  }
}

TEST_CASE("a late answer to a question from before it opened changes nothing") {
  ZoneGuard guard = unlimited();
  guard.record(Outcome::kErrorCode, client(1), kStart);
  guard.record(Outcome::kNotListed, client(2), kStart + 2);
  guard.record(Outcome::kTimeout, client(3), kStart + 3);
  CHECK(guard.state(kStart + 3) == State::kOpen);
  CHECK(guard.state(kStart + 5 * kMinute) == State::kHalfOpen);
}

TEST_CASE("after a world listing only a client that is not listed closes it") {
  ZoneGuard guard = unlimited();
  record(guard, Outcome::kListed, 200);
  guard.record_sanity(Outcome::kListed, kStart);
  int64_t now = kStart + 5 * kMinute;
  REQUIRE(guard.may_ask(now, false));
  guard.record(Outcome::kListed, client(900), now);
  CHECK(guard.state(now) == State::kOpen);
  CHECK(has(guard.reason(), "lists the world"));

  now += 10 * kMinute;
  REQUIRE(guard.may_ask(now, false));
  guard.record(Outcome::kNotListed, client(901), now);
  CHECK(guard.state(now) == State::kClosed);
}

TEST_CASE("clean clients are skipped at 80 % of the budget, all at 100 %, until the next period") {
  ZoneGuard guard(hf::Rate{10, std::chrono::seconds(60)});
  for (int i = 0; i < 8; ++i) REQUIRE(guard.may_ask(kStart + i, true));
  CHECK(guard.budget_used() == doctest::Approx(0.8));
  CHECK_FALSE(guard.may_ask(kStart + 8, true));
  CHECK(guard.may_ask(kStart + 8, false));
  CHECK(guard.may_ask(kStart + 8, false));
  CHECK(guard.budget_used() == doctest::Approx(1));
  CHECK_FALSE(guard.may_ask(kStart + 59, false));
  CHECK(guard.asked() == 10);
  CHECK(guard.skipped() == 2);

  CHECK(guard.may_ask(kStart + 60, true));
  CHECK(guard.budget_used() == doctest::Approx(0.1));
}

TEST_CASE("a clock that is set back does not leave the budget spent") {
  ZoneGuard guard(hf::Rate{1, std::chrono::hours(24)});
  CHECK(guard.may_ask(kStart, false));
  CHECK_FALSE(guard.may_ask(kStart + 1, false));
  CHECK(guard.may_ask(kStart - kHour, false));
}

TEST_CASE("a budget of 0 is none") {
  ZoneGuard guard = unlimited();
  for (int i = 0; i < 1000; ++i) REQUIRE(guard.may_ask(kStart, true));
  CHECK(guard.budget_used() == 0);
}

TEST_CASE("states have names") {
  CHECK(std::string_view(name_of(State::kClosed)) == "closed");
  CHECK(std::string_view(name_of(State::kOpen)) == "open");
  CHECK(std::string_view(name_of(State::kHalfOpen)) == "half-open");
}

}  // namespace smtpgate
