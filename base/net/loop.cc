// SPDX-License-Identifier: Apache-2.0
#include "base/net/loop.h"

#include <sys/eventfd.h>

#include <cerrno>

namespace hf {

Loop::Loop(Clock& clock)
    : clock_(clock),
      now_ms_(clock.steady_ms()),
      unix_seconds_(clock.unix_seconds()),
      wheel_(now_ms_) {}

Loop::~Loop() = default;

Result<std::unique_ptr<Loop>> Loop::create(Clock& clock) {
  std::unique_ptr<Loop> loop(new Loop(clock));
  loop->epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!loop->epoll_) return fail(sys_error("epoll_create1"));
  loop->wake_ = Fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!loop->wake_) return fail(sys_error("eventfd"));
  HF_TRY(loop->watch(loop->wake_.get(), EPOLLIN, nullptr));
  return loop;
}

Result<void> Loop::watch(int fd, uint32_t events, ReadyHandler* handler) {
  epoll_event event{events, {.ptr = handler}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return fail(sys_error("epoll_ctl"));
  return {};
}

void Loop::rewatch(int fd, uint32_t events, ReadyHandler* handler) {
  epoll_event event{events, {.ptr = handler}};
  const int rc = ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
  HF_CHECK(rc == 0, "rewatch of a descriptor that is not watched");
}

void Loop::unwatch(int fd, ReadyHandler* handler) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  forget(handler);
}

void Loop::forget(ReadyHandler* handler) {
  for (epoll_event& event : unhandled_)
    if (handler != nullptr && event.data.ptr == handler) event.events = 0;
}

void Loop::post(std::function<void()> task) {
  const std::lock_guard lock(posted_mutex_);
  // One wake-up is under way for all that stands in the queue.
  if (posted_.empty()) ::eventfd_write(wake_.get(), 1);
  posted_.push_back(std::move(task));
}

void Loop::stop() {
  const std::lock_guard lock(posted_mutex_);
  stopping_ = true;
  ::eventfd_write(wake_.get(), 1);
}

void Loop::run_posted() {
  eventfd_t count = 0;
  ::eventfd_read(wake_.get(), &count);
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(posted_mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void Loop::run_once(int limit_ms) {
  int wait_ms = wheel_.next_wait_ms(clock_.steady_ms());
  if (limit_ms >= 0 && (wait_ms < 0 || wait_ms > limit_ms)) wait_ms = limit_ms;
  const int n =
      ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), wait_ms);
  HF_CHECK(n >= 0 || errno == EINTR, "epoll_wait");
  now_ms_ = clock_.steady_ms();
  unix_seconds_ = clock_.unix_seconds();

  unhandled_ = std::span(events_).first(n > 0 ? static_cast<size_t>(n) : 0);
  while (!unhandled_.empty()) {
    const epoll_event event = unhandled_.front();
    unhandled_ = unhandled_.subspan(1);
    if (event.events == 0) continue;
    if (auto* handler = static_cast<ReadyHandler*>(event.data.ptr))
      handler->on_ready(event.events);
    else
      run_posted();
  }
  wheel_.advance(now_ms_);
  for (auto& task : round_end_) task();
}

void Loop::run() {
  for (;;) {
    {
      const std::lock_guard lock(posted_mutex_);
      if (stopping_) return;
    }
    run_once(-1);
  }
}

}  // namespace hf
