// SPDX-License-Identifier: Apache-2.0
#include "base/net/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace hf {

void Timer::cancel() {
  if (!armed()) return;
  next->prev = prev;
  prev->next = next;
  next = prev = nullptr;
}

TimerWheel::TimerWheel(uint64_t now_ms) : tick_(now_ms / kTickMs) {
  for (TimerLink& slot : slots_) slot.next = slot.prev = &slot;
}

TimerWheel::~TimerWheel() {
  for (TimerLink& slot : slots_)
    while (slot.next != &slot) static_cast<Timer*>(slot.next)->cancel();
}

void TimerWheel::set(Timer& timer, uint64_t deadline_ms) {
  timer.cancel();
  timer.deadline_ms_ = deadline_ms;
  // Rounded up, so that a timer never fires early; never into a tick already passed.
  const uint64_t rounded_up = deadline_ms / kTickMs + (deadline_ms % kTickMs != 0);
  const uint64_t tick = std::max(rounded_up, tick_ + 1);
  const size_t index = tick % kSlots;
  TimerLink& slot = slots_[index];
  timer.next = &slot;
  timer.prev = slot.prev;
  slot.prev->next = &timer;
  slot.prev = &timer;
  used_[index / 64] |= 1ULL << (index % 64);
}

void TimerWheel::advance(uint64_t now_ms) {
  const uint64_t now_tick = now_ms / kTickMs;
  // After a long sleep one full turn visits every slot, which is all there is to visit.
  if (now_tick > tick_ + kSlots) tick_ = now_tick - kSlots;
  while (tick_ < now_tick) {
    const auto used = next_used_tick();
    if (!used || *used > now_tick) {
      tick_ = now_tick;
      return;
    }
    tick_ = *used;
    advance_slot(tick_ % kSlots, now_ms);
  }
}

void TimerWheel::advance_slot(size_t index, uint64_t now_ms) {
  // The slot's timers move to a ring of their own first: one that fires may set or cancel any
  // other, itself included, and what is set anew during the visit must not be visited again.
  TimerLink& slot = slots_[index];
  if (slot.next == &slot) {
    used_[index / 64] &= ~(1ULL << (index % 64));
    return;
  }
  TimerLink visited{slot.next, slot.prev};
  visited.next->prev = visited.prev->next = &visited;
  slot.next = slot.prev = &slot;
  used_[index / 64] &= ~(1ULL << (index % 64));

  while (visited.next != &visited) {
    auto& timer = *static_cast<Timer*>(visited.next);
    if (timer.deadline_ms_ > now_ms) {
      set(timer, timer.deadline_ms_);  // of a later turn
    } else {
      timer.cancel();
      timer.on_timer();
    }
  }
}

std::optional<uint64_t> TimerWheel::next_used_tick() const {
  const size_t start = (tick_ + 1) % kSlots;
  for (size_t step = 0; step <= used_.size(); ++step) {
    const size_t word = (start / 64 + step) % used_.size();
    uint64_t bits = used_[word];
    if (step == 0) bits &= ~0ULL << (start % 64);
    if (step == used_.size()) bits &= ~(~0ULL << (start % 64));
    if (bits == 0) continue;
    const size_t index = word * 64 + static_cast<size_t>(std::countr_zero(bits));
    return tick_ + 1 + (index + kSlots - start) % kSlots;
  }
  return std::nullopt;
}

int TimerWheel::next_wait_ms(uint64_t now_ms) const {
  const auto tick = next_used_tick();
  if (!tick) return -1;
  const uint64_t due_ms = *tick * kTickMs;
  return due_ms <= now_ms ? 0 : static_cast<int>(due_ms - now_ms);
}

}  // namespace hf
