// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/waiting_room.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "smtpgate/gate/worker.h"

namespace smtpgate {
namespace {

// Lists are asked only after this: most early talkers have betrayed themselves by then, and cost
// the lists nothing.
constexpr uint64_t kHeadStartMs = 100;

}  // namespace

WaitingClient::WaitingClient(Worker& worker, std::unique_ptr<Connection> connection)
    : Stage(worker, std::move(connection)) {
  worker.shared().waiting.fetch_add(1, std::memory_order_relaxed);
}

WaitingClient::~WaitingClient() {
  worker().shared().waiting.fetch_sub(1, std::memory_order_relaxed);
  if (ticket_ != 0) worker().lists().forget(ticket_);
}

void WaitingClient::start() {
  Connection& c = connection();
  if (!c.pregreet_due) {
    window_over_ = true;
    watch_client(EPOLLIN | EPOLLRDHUP);
    loop().set_timer(*this, c.accepted_ms + wait_ms());
    ask_lists();
    evaluate(false);
    return;
  }
  if (c.config().banner.teaser) {
    const std::string teaser = teaser_line(c.config().banner.name);
    ::send(c.fd.get(), teaser.data(), teaser.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    c.greeting = Connection::Greeting::kTeaser;
  }
  watch_client(EPOLLIN | EPOLLRDHUP);
  const auto min_wait = static_cast<uint64_t>(c.config().banner.min_wait.count());
  loop().set_timer(*this, c.accepted_ms + std::min(kHeadStartMs, min_wait / 4));
}

uint32_t WaitingClient::elapsed_ms() const {
  return static_cast<uint32_t>(loop().now_ms() - connection().accepted_ms);
}

uint64_t WaitingClient::wait_ms() const {
  const Config& config = connection().config();
  const Millis wait = worker().is_stressed() ? std::min(config.banner.stress_wait, config.banner.wait)
                             : config.banner.wait;
  return static_cast<uint64_t>(wait.count());
}

void WaitingClient::ask_lists() {
  asked_ = true;
  Connection& c = connection();
  if (!c.lists_due) return;
  ticket_ = worker().lists().ask(c.facts, c.facts.pregreet.state == PregreetFact::State::kPassedBefore,
                                 *this);
}

WaitingClient::Look WaitingClient::look() {
  Connection& c = connection();
  char bytes[64];
  const ssize_t n = ::recv(c.fd.get(), bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? Look::kNothing : Look::kGone;
  if (n == 0) return Look::kGone;
  c.facts.pregreet.kind = classify_first_bytes({bytes, static_cast<size_t>(n)});
  return Look::kTalked;
}

/// True when the client has spoken or left, which is then a fact.
bool WaitingClient::note_early_talker() {
  PregreetFact& fact = connection().facts.pregreet;
  switch (look()) {
    case Look::kNothing: return false;
    case Look::kGone: fact.state = PregreetFact::State::kHungUp; break;
    case Look::kTalked:
      // A client that passed the test not long ago is not tested again.
      if (connection().pregreet_due) fact.state = PregreetFact::State::kTalked;
      break;
  }
  fact.after_ms = elapsed_ms();
  return true;
}

void WaitingClient::on_ready(uint32_t events) {
  const auto state = connection().facts.pregreet.state;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0) {
    connection().facts.pregreet.state = PregreetFact::State::kHungUp;
    connection().facts.pregreet.after_ms = elapsed_ms();
  } else if (state == PregreetFact::State::kTalked) {
    connection().facts.pregreet.state = PregreetFact::State::kHungUp;
  } else if (!note_early_talker()) {
    return;
  }
  // An allow list may excuse an early talker, so it must be asked before the verdict.
  if (!asked_ && connection().rules->has_allow_scores()) ask_lists();
  // What was said stays in the socket: if it goes on waiting, only its end is news from now on.
  if (evaluate(false)) watch_client(EPOLLRDHUP);
}

void WaitingClient::on_timer() {
  Connection& c = connection();
  const auto min_wait = static_cast<uint64_t>(c.config().banner.min_wait.count());
  const uint64_t elapsed = elapsed_ms();
  if (!asked_) ask_lists();
  if (elapsed >= wait_ms()) {
    evaluate(true);
    return;
  }
  if (elapsed >= min_wait) window_over_ = true;
  loop().set_timer(*this, c.accepted_ms + (window_over_ ? wait_ms() : std::min(min_wait, wait_ms())));
  evaluate(false);
}

void WaitingClient::on_list(size_t list, const ListFact& fact) {
  connection().facts.lists[list] = fact;
  evaluate(false);
}

void WaitingClient::on_rdns(const RdnsFact& fact) {
  connection().facts.rdns = fact;
  connection().rules->look_up_name(connection().facts);
  evaluate(false);
}

bool WaitingClient::evaluate(bool closing) {
  Connection& c = connection();
  PregreetFact& pregreet = c.facts.pregreet;
  const bool silent = pregreet.state == PregreetFact::State::kPending;
  if (silent && (closing || window_over_)) {
    // The last look comes after the wait, so that bytes which arrived with the timer still count.
    if (!note_early_talker()) {
      pregreet.state = PregreetFact::State::kSilent;
      pregreet.after_ms = elapsed_ms();
    }
  }
  const Verdict verdict = decide(c.facts, c.config(), closing);
  if (verdict.action != Action::kWait) {
    worker().settle(leave(), verdict);
    return false;
  }
  if (pregreet.state == PregreetFact::State::kSilent)
    pregreet.state = PregreetFact::State::kPending;
  return true;
}

void WaitingClient::on_shutdown() {
  worker().refuse(leave(), Reason::kShutdown);
}

}  // namespace smtpgate
