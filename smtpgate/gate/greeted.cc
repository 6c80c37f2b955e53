// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/greeted.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "smtpgate/gate/handoff.h"
#include "smtpgate/gate/worker.h"

namespace smtpgate {

Greeted::Greeted(Worker& worker, std::unique_ptr<Connection> connection)
    : Stage(worker, std::move(connection)) {}

void Greeted::start() {
  Connection& c = connection();
  const std::string line = greeting_line(c.config().banner.name);
  ::send(c.fd.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  c.greeting = Connection::Greeting::kComplete;
  watch_client(EPOLLIN | EPOLLRDHUP);
  loop().set_timer(*this, loop().now_ms() +
                              static_cast<uint64_t>(c.config().limits.command_timeout.count()));
}

void Greeted::on_ready(uint32_t) {
  char byte;
  const bool speaks = ::recv(connection().fd.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  Worker& home = worker();
  if (speaks)
    hand_off(home, leave());
  else
    home.conclude(leave());
}

void Greeted::on_timer() {
  worker().refuse(leave(), Reason::kHungUp);
}

void Greeted::on_shutdown() {
  worker().refuse(leave(), Reason::kShutdown);
}

}  // namespace smtpgate
