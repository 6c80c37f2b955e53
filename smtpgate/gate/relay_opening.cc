// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/relay_opening.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include <fmt/format.h>

#include "base/net/tcp.h"
#include "smtpgate/gate/relay.h"
#include "smtpgate/gate/worker.h"
#include "smtpgate/wire/proxy_header.h"

namespace smtpgate {
namespace {

/// The Postfix XCLIENT command (postfix.org/XCLIENT_README) for a client of unknown name.
std::string xclient_command(const Connection& connection) {
  auto text = [](const hf::IpAddress& ip) {
    return (ip.is_v4() ? "" : "IPV6:") + ip.to_string();
  };
  return fmt::format("XCLIENT ADDR={} PORT={} DESTADDR={} DESTPORT={}\r\n",
                     text(connection.peer.ip), connection.peer.port, text(connection.server.ip),
                     connection.server.port);
}

}  // namespace

RelayOpening::~RelayOpening() {
  if (server_) loop().unwatch(server_.get(), this);
}

void RelayOpening::start() {
  auto server = backend().connect(&worker().shared().master);
  if (!server) return fail();
  server_ = std::move(*server);
  if (!loop().watch(server_.get(), EPOLLOUT, this)) return fail();
  loop().set_timer(*this, deadline_ms());
}

void RelayOpening::on_ready(uint32_t) {
  if (step_ == Step::kConnect) return connected();
  char buffer[4096];
  const ssize_t n = ::recv(server_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0 || !reply_.feed({buffer, static_cast<size_t>(n)})) return fail();
  if (reply_.complete()) replied();
}

void RelayOpening::connected() {
  if (!hf::connect_result(server_.get())) return fail();
  loop().rewatch(server_.get(), EPOLLIN, this);
  const Connection& c = connection();
  switch (backend().uri().kind) {
    case BackendUri::Kind::kProxyV2: return ask(Step::kGreeting, make_proxy_v2(c.peer, c.server));
    case BackendUri::Kind::kProxyV1: return ask(Step::kGreeting, make_proxy_v1(c.peer, c.server));
    case BackendUri::Kind::kXclient: return ask(Step::kFirstGreeting, {});
    default: return ask(Step::kGreeting, {});
  }
}

void RelayOpening::replied() {
  const bool greeting = step_ == Step::kFirstGreeting || step_ == Step::kGreeting;
  if (reply_.code() != (greeting || step_ == Step::kXclient ? 220 : 250)) return fail();
  switch (step_) {
    case Step::kFirstGreeting: return ask(Step::kEhlo, "EHLO smtpgate.localhost\r\n");
    case Step::kEhlo: return ask(Step::kXclient, xclient_command(connection()));
    default: return join();  // the reply to XCLIENT is the session's new greeting
  }
}

void RelayOpening::ask(Step step, std::string_view command) {
  step_ = step;
  reply_ = {};
  // Far less than a fresh socket's buffer, so it goes whole or not at all.
  if (!command.empty() &&
      ::send(server_.get(), command.data(), command.size(), MSG_NOSIGNAL | MSG_DONTWAIT) !=
          static_cast<ssize_t>(command.size()))
    fail();
}

void RelayOpening::join() {
  backend().set_up(true);
  record(true);
  Connection& c = connection();
  c.backend = name_of(backend().uri().kind);
  // A client that has our greeting must not see another.
  std::string greeting;
  if (c.greeting != Connection::Greeting::kComplete) greeting = reply_.raw();
  c.greeting = Connection::Greeting::kComplete;
  loop().unwatch(server_.get(), this);
  hf::Fd server = std::move(server_);
  Worker& home = worker();
  home.begin<Relay>(leave(), std::move(server), std::move(greeting)).start();
}

void RelayOpening::on_timer() { fail(); }

}  // namespace smtpgate
