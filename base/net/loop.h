// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/core/clock.h"
#include "base/core/result.h"
#include "base/net/timer_wheel.h"
#include "base/os/fd.h"

namespace hf {

/// Told when its descriptor is ready. `events` are EPOLL* bits.
class ReadyHandler {
 public:
  virtual ~ReadyHandler() = default;
  virtual void on_ready(uint32_t events) = 0;
};

/// One thread's event loop: level-triggered epoll, a timer wheel, and work posted from elsewhere.
/// All members but post() and stop() belong to the thread that runs it.
class Loop {
 public:
  static Result<std::unique_ptr<Loop>> create(Clock& clock = system_clock());
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// `handler` must be unwatched before it is destroyed; it may be from inside any callback.
  Result<void> watch(int fd, uint32_t events, ReadyHandler* handler);
  void rewatch(int fd, uint32_t events, ReadyHandler* handler);
  /// `handler` may be null where no event of this round can be for it.
  void unwatch(int fd, ReadyHandler* handler);
  /// unwatch() for a descriptor that is closed next and has no duplicate: closing it takes it off
  /// epoll, so only what is already reported for `handler` in this round must be dropped.
  void forget(ReadyHandler* handler);

  void set_timer(Timer& timer, uint64_t deadline_ms) { wheel_.set(timer, deadline_ms); }
  /// The clock as read once per round: what every decision of a round agrees on.
  uint64_t now_ms() const { return now_ms_; }
  int64_t unix_seconds() const { return unix_seconds_; }

  /// Runs `task` on the loop's thread in its next round. Callable from any thread.
  void post(std::function<void()> task);
  /// `task` runs at the end of each round, when all that was ready has been handled.
  void at_round_end(std::function<void()> task) { round_end_.push_back(std::move(task)); }

  void run();
  /// One round: waits at most `limit_ms` (-1: until something happens).
  void run_once(int limit_ms);
  /// Ends run() after the current round. Callable from any thread.
  void stop();

 private:
  explicit Loop(Clock& clock);
  void run_posted();

  Clock& clock_;
  uint64_t now_ms_;
  int64_t unix_seconds_;
  TimerWheel wheel_;
  Fd epoll_;
  Fd wake_;  // eventfd: something was posted
  std::vector<std::function<void()>> round_end_;

  std::array<epoll_event, 256> events_;
  std::span<epoll_event> unhandled_;  // of this round; unwatch() blanks its handler's entries

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by posted_mutex_
  bool stopping_ = false;                      // guarded by posted_mutex_
};

}  // namespace hf
