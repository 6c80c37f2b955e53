// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/proxy_reader.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "smtpgate/gate/worker.h"
#include "smtpgate/wire/proxy_header.h"

namespace smtpgate {

ProxyReader::ProxyReader(Worker& worker, std::unique_ptr<Connection> connection)
    : Stage(worker, std::move(connection)) {}

void ProxyReader::start() {
  watch_client(EPOLLIN | EPOLLRDHUP);
  const auto limit = connection().config().listen.proxy_timeout.count();
  loop().set_timer(*this, loop().now_ms() + static_cast<uint64_t>(limit));
}

void ProxyReader::on_ready(uint32_t) {
  char buffer[std::max(kProxyV1Limit, kProxyV2Limit)];
  const int fd = connection().fd.get();
  const ssize_t n = ::recv(fd, buffer, sizeof buffer, MSG_PEEK | MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return give_up(Action::kHangup, Reason::kHungUp);

  auto header = parse_proxy_header({buffer, static_cast<size_t>(n)});
  if (!header) return give_up(Action::kDrop, Reason::kProxyHeader);
  if (!*header) {
    // The bytes stay in the socket, so epoll would report them over and over: the kernel is asked
    // to wait until there are more.
    const int more = static_cast<int>(n) + 1;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &more, sizeof more);
    return;
  }
  const int one = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
  [[maybe_unused]] const ssize_t taken = ::recv(fd, buffer, (*header)->length, MSG_DONTWAIT);
  if ((*header)->local) return give_up(Action::kDrop, Reason::kHealthCheck);

  Worker& home = worker();
  std::unique_ptr<Connection> connection = leave();
  home.loop().unwatch(connection->fd.get(), nullptr);  // it may go to another worker's loop
  home.receive(std::move(connection->fd), (*header)->source, (*header)->destination);
  home.discard(std::move(connection));
}

void ProxyReader::on_timer() { give_up(Action::kDrop, Reason::kProxyHeader); }
void ProxyReader::on_shutdown() { give_up(Action::kDrop, Reason::kShutdown); }

void ProxyReader::give_up(Action action, Reason reason) {
  connection().verdict = {.action = action, .reason = reason};
  worker().conclude(leave());
}

}  // namespace smtpgate
