// SPDX-License-Identifier: Apache-2.0
#include "base/net/timer_wheel.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "base/core/clock.h"

using hf::TimerWheel;

namespace {

constexpr uint64_t kTick = TimerWheel::kTickMs;
constexpr uint64_t kTurnMs = TimerWheel::kTickMs * TimerWheel::kSlots;

struct TestTimer final : hf::Timer {
  std::function<void()> action;
  void on_timer() override { action(); }
};

}  // namespace

TEST_CASE("the wheel agrees with a sorted map over random operations") {
  hf::ManualClock clock;
  TimerWheel wheel(clock.steady_ms());
  std::multimap<uint64_t, size_t> model;  // deadline (or the time of setting, if later) → timer
  std::vector<TestTimer> timers(500);
  std::mt19937 random(1);
  const auto below = [&](uint64_t n) { return random() % n; };

  size_t fired = 0;
  uint64_t step_ms = 0;
  const auto forget = [&](size_t i) {
    std::erase_if(model, [&](const auto& entry) { return entry.second == i; });
  };
  const auto set = [&](size_t i) {
    const uint64_t now = clock.steady_ms();
    // Mostly near, some more than a turn away, some already past.
    const uint64_t deadline = below(10) == 0   ? now - below(100)
                              : below(10) == 0 ? now + below(3 * kTurnMs)
                                               : now + below(5000);
    forget(i);
    wheel.set(timers[i], deadline);
    model.emplace(std::max(deadline, now), i);
  };
  for (size_t i = 0; i < timers.size(); ++i) {
    timers[i].action = [&, i] {
      ++fired;
      const auto entry = std::ranges::find_if(model, [&](const auto& e) { return e.second == i; });
      REQUIRE(entry != model.end());
      CHECK(clock.steady_ms() >= entry->first);
      model.erase(entry);
      if (below(4) == 0) set(i);
      if (below(4) == 0) set(below(timers.size()));
      if (below(4) == 0) {
        const size_t other = below(timers.size());
        timers[other].cancel();
        forget(other);
      }
    };
  }

  for (int round = 0; round < 20'000; ++round) {
    const size_t i = below(timers.size());
    if (below(4) == 0) {
      timers[i].cancel();
      forget(i);
    } else {
      set(i);
    }
    step_ms = below(2000) == 0 ? below(2 * kTurnMs) : below(40);
    clock.advance_ms(step_ms);
    wheel.advance(clock.steady_ms());
    // Never more than a tick late.
    if (!model.empty()) REQUIRE(model.begin()->first + kTick > clock.steady_ms());
  }
  CHECK(fired > 5000);

  clock.advance_ms(4 * kTurnMs);
  for (auto& timer : timers) timer.action = [] {};
  wheel.advance(clock.steady_ms());
  for (const auto& timer : timers) CHECK_FALSE(timer.armed());
}

TEST_CASE("sleeping as long as the wheel asks meets each deadline within a tick") {
  hf::ManualClock clock;
  TimerWheel wheel(clock.steady_ms());
  TestTimer timer;
  bool fired = false;
  timer.action = [&] { fired = true; };
  for (uint64_t wait = 0; wait < 2 * kTurnMs; wait = wait * 3 + 1) {
    const uint64_t deadline = clock.steady_ms() + wait;
    fired = false;
    wheel.set(timer, deadline);
    for (int wakes = 0; !fired; ++wakes) {
      REQUIRE(wakes < 4);
      REQUIRE(clock.steady_ms() < deadline + kTick);
      const int sleep = wheel.next_wait_ms(clock.steady_ms());
      REQUIRE(sleep >= 0);
      clock.advance_ms(static_cast<uint64_t>(sleep));
      wheel.advance(clock.steady_ms());
    }
    CHECK(clock.steady_ms() >= deadline);
    CHECK(clock.steady_ms() <= deadline + kTick);
  }
  // The slot of a timer that has gone may be looked at once more, then there is nothing to wait
  // for.
  wheel.advance(clock.steady_ms() + kTurnMs);
  CHECK(wheel.next_wait_ms(clock.steady_ms() + kTurnMs) == -1);
}

TEST_CASE("a timer may destroy itself and its neighbours, in the slot being visited too") {
  TimerWheel wheel(0);
  std::vector<std::unique_ptr<TestTimer>> timers(3);
  int fired = 0;
  for (auto& timer : timers) {
    timer = std::make_unique<TestTimer>();
    timer->action = [&] {
      ++fired;
      timers.clear();
    };
    wheel.set(*timer, 100);
  }
  wheel.advance(200);
  CHECK(fired == 1);
}

TEST_CASE("a timer that sets itself anew does not fire again in the same tick") {
  TimerWheel wheel(0);
  TestTimer timer;
  int fired = 0;
  timer.action = [&] {
    ++fired;
    wheel.set(timer, 0);
  };
  wheel.set(timer, kTick);
  wheel.advance(kTick);
  CHECK(fired == 1);
  CHECK(timer.armed());
  wheel.advance(2 * kTick);
  CHECK(fired == 2);
}

TEST_CASE("a deadline at the end of time neither fires nor wakes anyone each tick") {
  TimerWheel wheel(0);
  TestTimer timer;
  bool fired = false;
  timer.action = [&] { fired = true; };
  wheel.set(timer, std::numeric_limits<uint64_t>::max());
  wheel.advance(3 * kTurnMs);
  CHECK_FALSE(fired);
  CHECK(wheel.next_wait_ms(3 * kTurnMs) > static_cast<int>(kTick));
}

TEST_CASE("a timer outlives its wheel") {
  TestTimer timer;
  {
    TimerWheel wheel(0);
    wheel.set(timer, 100);
  }
  CHECK_FALSE(timer.armed());
}
