// SPDX-License-Identifier: Apache-2.0
//
// A hashed timer wheel.
//
// Problem: tens of thousands of waiting clients each hold a deadline; nearly all are cancelled
// before they fire. Idea: kSlots lists, one per kTickMs of time; a timer hangs in the list of its
// deadline modulo one turn of the wheel. Setting and cancelling are O(1) with no allocation (the
// timer is a member of its owner); a turn passes over the timers of later turns. Limits: fires at
// most one tick late and never early. Cost: 16 bytes a slot, 32 bytes a timer, and each timer is
// looked at once per turn (kSlots * kTickMs = 65 s).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace hf {

/// A link of a slot's ring.
struct TimerLink {
  TimerLink* next = nullptr;
  TimerLink* prev = nullptr;
};

/// A deadline inside its owner, which derives from it or holds it. Destroying it cancels it.
class Timer : private TimerLink {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { cancel(); }

  void cancel();
  bool armed() const { return next != nullptr; }
  /// When it fires, on the wheel's clock; only meaningful while armed.
  uint64_t deadline_ms() const { return deadline_ms_; }

 protected:
  /// Called once at the deadline, disarmed; may set the timer again or destroy the owner.
  virtual void on_timer() = 0;

 private:
  friend class TimerWheel;
  uint64_t deadline_ms_ = 0;
};

class TimerWheel {
 public:
  static constexpr uint64_t kTickMs = 16;
  static constexpr size_t kSlots = 4096;

  explicit TimerWheel(uint64_t now_ms);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// (Re)arms `timer` to fire at `deadline_ms`, or at the next tick if that has passed.
  void set(Timer& timer, uint64_t deadline_ms);
  /// Fires all that is due at `now_ms`.
  void advance(uint64_t now_ms);
  /// Milliseconds until some slot wants a look, -1 if no timer is set: what epoll_wait() takes.
  int next_wait_ms(uint64_t now_ms) const;

 private:
  void advance_slot(size_t slot, uint64_t now_ms);
  std::optional<uint64_t> next_used_tick() const;

  uint64_t tick_;  // every tick up to this one has been advanced over
  std::array<TimerLink, kSlots> slots_;
  // One bit per slot that may hold a timer; cleared when a visit finds the slot empty.
  std::array<uint64_t, kSlots / 64> used_{};
};

}  // namespace hf
