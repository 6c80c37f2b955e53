// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/relay_opening.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/core/text.h"
#include "base/net/tcp.h"
#include "smtpgate/gate/refusal.h"
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

/// The server's reply as one of ours; its code is one that a command may get.
SmtpReply told_to_client(const SmtpReplyReader& reply) {
  const int code = reply.code() >= 400 ? reply.code() : 451;
  return {code, {}, hf::printable(reply.text(), 400)};
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
  const Connection& c = connection();
  const bool greeting = step_ == Step::kFirstGreeting || step_ == Step::kGreeting;
  const bool welcome = reply_.code() == (greeting || step_ == Step::kXclient ? 220 : 250);
  if (!welcome && step_ < Step::kMail) {
    if (c.questioned) c.questioned->refused_by = told_to_client(reply_);
    return fail();
  }
  switch (step_) {
    case Step::kFirstGreeting: return ask(Step::kEhlo, "EHLO smtpgate.localhost\r\n");
    case Step::kEhlo: return ask(Step::kXclient, xclient_command(c));
    case Step::kClientHello: return replay_mail();
    case Step::kMail:
      if (welcome) return ask(Step::kRcpt, c.questioned->envelope.rcpt + "\r\n");
      return join(reply_.raw());  // the sender is refused: that is the recipient's reply, too
    case Step::kRcpt: return join(reply_.raw());
    default: break;  // the reply to XCLIENT is the session's new greeting
  }
  if (c.questioned) return ask(Step::kClientHello, c.questioned->envelope.hello + "\r\n");
  // A client that has our greeting must not see another.
  join(c.greeting == Connection::Greeting::kComplete ? std::string() : reply_.raw());
}

void RelayOpening::replay_mail() {
  const Questioned& asked = *connection().questioned;
  const auto offered = ehlo_keywords(reply_.raw());
  const bool extended = hf::starts_with_ignoring_case(asked.envelope.hello, "EHLO");
  const bool kept = !extended || std::ranges::all_of(asked.announced, [&](const std::string& each) {
    return std::ranges::find(offered, each) != offered.end();
  });
  if (kept) return ask(Step::kMail, asked.envelope.mail + "\r\n");
  // The client goes by what the server announced at the last probe, and may have used it.
  backend().set_keywords(offered);
  refuse({451, "4.3.0", "Mail server has changed, please try again"});
}

void RelayOpening::refuse(SmtpReply reply) {
  record(false);
  Worker& home = worker();
  home.begin<Refusal>(leave(), std::move(reply)).start();
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

void RelayOpening::join(std::string last) {
  backend().set_up(true);
  record(true);
  Connection& c = connection();
  c.backend = name_of(backend().uri().kind);
  c.greeting = Connection::Greeting::kComplete;
  if (c.questioned) c.questioned->rcpt_waits = false;
  loop().unwatch(server_.get(), this);
  hf::Fd server = std::move(server_);
  Worker& home = worker();
  home.begin<Relay>(leave(), std::move(server), std::move(last)).start();
}

void RelayOpening::on_timer() { fail(); }

}  // namespace smtpgate
