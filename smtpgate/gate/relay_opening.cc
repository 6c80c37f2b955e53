// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/relay_opening.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include <fmt/format.h>

#include "base/net/tcp.h"
#include "smtpgate/gate/handoff.h"
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

RelayOpening::RelayOpening(Worker& worker, std::unique_ptr<Connection> connection,
                           std::shared_ptr<Backends> backends, size_t index)
    : Stage(worker, std::move(connection)),
      backends_(std::move(backends)),
      index_(index),
      started_ms_(worker.loop().now_ms()) {}

RelayOpening::~RelayOpening() {
  if (server_) loop().unwatch(server_.get(), this);
}

void RelayOpening::start() {
  auto server = backend().connect(&worker().shared().master);
  if (!server) return fail();
  server_ = std::move(*server);
  if (!loop().watch(server_.get(), EPOLLOUT, this)) return fail();
  const auto limit = connection().config().backend.connect_timeout.count();
  loop().set_timer(*this, started_ms_ + static_cast<uint64_t>(limit));
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
  Worker& home = worker();
  GateMetrics& metrics = home.shared().metrics;
  metrics.handoff(backend().uri().kind, true).Increment();
  metrics.handoff_seconds.Observe(static_cast<double>(loop().now_ms() - started_ms_) / 1000);
  loop().unwatch(server_.get(), this);
  std::unique_ptr<Connection> connection = take_connection();
  connection->backend = name_of(backend().uri().kind);
  // A client that has our greeting must not see another.
  std::string greeting;
  if (connection->greeting != Connection::Greeting::kComplete) greeting = reply_.raw();
  connection->greeting = Connection::Greeting::kComplete;
  hf::Fd server = std::move(server_);
  home.end(*this);
  home.begin<Relay>(std::move(connection), std::move(server), std::move(greeting)).start();
}

void RelayOpening::fail() {
  backend().set_up(false);  // until a probe or a hand-over succeeds
  Worker& home = worker();
  home.shared().metrics.handoff(backend().uri().kind, false).Increment();
  const size_t rest = index_ + 1;
  std::unique_ptr<Connection> connection = take_connection();
  home.end(*this);
  hand_off_from(home, std::move(connection), rest);
}

void RelayOpening::on_timer() { fail(); }

void RelayOpening::on_shutdown() {
  Worker& home = worker();
  std::unique_ptr<Connection> connection = take_connection();
  home.end(*this);
  home.refuse(std::move(connection), Reason::kShutdown);
}

}  // namespace smtpgate
