// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/farewell.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "smtpgate/gate/worker.h"

namespace smtpgate {
namespace {

constexpr uint64_t kLingerMs = 2000;
constexpr size_t kDrainLimit = 4096;  // bytes taken from a client that is being closed

}  // namespace

void Farewell::start() {
  ::shutdown(connection().fd.get(), SHUT_WR);
  watch_client(EPOLLIN | EPOLLRDHUP);
  loop().set_timer(*this, loop().now_ms() + kLingerMs);
}

void Farewell::on_ready(uint32_t) {
  char buffer[2048];
  const ssize_t n = ::recv(connection().fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n > 0 && (drained_ += static_cast<size_t>(n)) <= kDrainLimit) return;
  worker().conclude(leave());
}

void Farewell::on_timer() { worker().conclude(leave()); }
void Farewell::on_shutdown() { worker().conclude(leave()); }

}  // namespace smtpgate
