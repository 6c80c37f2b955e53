// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/refusal.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "smtpgate/gate/farewell.h"
#include "smtpgate/gate/worker.h"

namespace smtpgate {
namespace {

constexpr int kCommandLimit = 10;        // a client that goes on after that many refusals

bool speaks_smtp(FirstBytes kind) {
  return kind == FirstBytes::kNothing || kind == FirstBytes::kSmtp || kind == FirstBytes::kText;
}

}  // namespace

Refusal::Refusal(Worker& worker, std::unique_ptr<Connection> connection, SmtpReply reply)
    : Stage(worker, std::move(connection)), reply_(std::move(reply)) {
  worker.shared().metrics.refusing.Increment();
}

Refusal::~Refusal() { worker().shared().metrics.refusing.Decrement(); }

void Refusal::start() {
  Connection& c = connection();
  watch_client(EPOLLIN | EPOLLRDHUP);
  loop().set_timer(*this, loop().now_ms() +
                              static_cast<uint64_t>(c.config().limits.refuse_timeout.count()));
  c.refusal_code = reply_.code;
  if (c.questioned && std::exchange(c.questioned->rcpt_waits, false)) {
    if (reply_.code == 421) return say_and_close(reply_);
    say(reply_.wire());
    return send_unsaid();
  }
  if (c.greeting == Connection::Greeting::kNone) {
    // A greeting is 220, 554 or 421 (RFC 5321 §4.3.2): what is temporary becomes 421.
    c.refusal_code = reply_.code / 100 == 5 ? 554 : 421;
    reply_.code = c.refusal_code;
    c.greeting = Connection::Greeting::kComplete;
    if (c.refusal_code == 421) return say_and_close(reply_);
    say(reply_.wire());
    reply_ = {503, "5.5.1", "You were refused, only QUIT is of use here"};
    return send_unsaid();
  }
  if (c.greeting == Connection::Greeting::kTeaser) say(greeting_line(c.config().banner.name));
  c.greeting = Connection::Greeting::kComplete;
  if (!speaks_smtp(c.facts.pregreet.kind)) return say_and_close({421, "4.7.0", reply_.text});
  // An early talker's first command is here already, and no event need be waited for.
  on_ready(EPOLLIN);
}

void Refusal::on_ready(uint32_t) {
  char buffer[2048];
  const ssize_t n = ::recv(connection().fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return send_unsaid();
  if (n <= 0) return close();
  std::string_view bytes(buffer, static_cast<size_t>(n));
  while (auto line = lines_.next(bytes)) {
    if (auto last = last_word(*line)) return say_and_close(*last);
    say(reply_.wire());
  }
  send_unsaid();
}

std::optional<SmtpReply> Refusal::last_word(const SmtpLine& line) {
  if (line.verb == "QUIT") return SmtpReply{221, "2.0.0", "Bye"};
  if (++commands_ > kCommandLimit) return SmtpReply{421, "4.7.0", "Too many commands, closing"};
  if (line.bare_lf && commands_ > 1) return SmtpReply{421, "4.5.2", "Lines must end in CRLF"};
  if (reply_.code == 421) return reply_;
  return std::nullopt;
}

void Refusal::on_timer() {
  say_and_close({421, "4.4.2", fmt::format("Timeout [{}]", connection().id.view())});
}

void Refusal::on_shutdown() { close(); }

void Refusal::send_unsaid() {
  if (unsaid_.empty()) return;
  const ssize_t n = ::send(connection().fd.get(), unsaid_.data(), unsaid_.size(),
                           MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n > 0) connection().bytes_out += static_cast<uint64_t>(n);
  unsaid_.clear();
}

void Refusal::say_and_close(const SmtpReply& reply) {
  say(reply.wire());
  send_unsaid();
  Worker& home = worker();
  home.begin<Farewell>(leave()).start();
}

void Refusal::close() { worker().conclude(leave()); }

}  // namespace smtpgate
