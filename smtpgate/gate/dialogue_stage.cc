// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/dialogue_stage.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/core/text.h"
#include "base/os/log.h"
#include "smtpgate/gate/farewell.h"
#include "smtpgate/gate/handoff.h"
#include "smtpgate/gate/worker.h"
#include "smtpgate/grey/scope.h"
#include "smtpgate/tls/session_request.h"
#include "smtpgate/wire/smtp_path.h"

namespace smtpgate {
namespace {

// While the waiting room is nearly full.
constexpr uint64_t kStressCommandMs = 10'000;
constexpr uint64_t kStressSessionMs = 60'000;
constexpr uint64_t kSpfPatienceMs = 10'000;  // an evaluation may take many questions

/// What the client is known by, as far as the configuration counts it.
std::vector<std::string> scopes_of_client(const Connection& c, std::string_view spf_domain) {
  const Config::Grey& grey = c.config().grey;
  const RdnsFact& rdns = c.facts.rdns;
  const bool confirmed = rdns.state == RdnsFact::State::kConfirmed;
  auto scopes = scopes_of(c.facts.client,
                          confirmed && grey.by(GreyScope::kPtr) ? rdns.name : std::string(),
                          grey.by(GreyScope::kSpf) ? std::string(spf_domain) : std::string());
  if (!grey.by(GreyScope::kNet))
    std::erase_if(scopes, [](const std::string& scope) { return scope.starts_with("net:"); });
  return scopes;
}

/// Counts the decision and tells it as the log does.
std::string note(const GreyDecision& decision, GateMetrics& metrics) {
  switch (decision.answer) {
    case GreyAnswer::kNew: metrics.grey_new.Increment(); return "new";
    case GreyAnswer::kEarly:
      metrics.grey_early.Increment();
      return fmt::format("early:{}", decision.waited_s);
    case GreyAnswer::kPassed:
      metrics.grey_passed.Increment();
      metrics.grey_delay_seconds.Observe(decision.waited_s);
      return fmt::format("pass:{}", decision.waited_s);
    case GreyAnswer::kKnown: metrics.grey_known.Increment(); return "known";
  }
  return {};
}

/// The client is told to come back.
void defer(Verdict& verdict) {
  verdict.action = Action::kRefuse;
  verdict.reason = Reason::kGreylisted;
  verdict.soft = true;
}

SmtpReply deferral(const Connection& c) {
  Verdict verdict;
  defer(verdict);
  return refusal_reply(verdict, c.facts, c.config(), c.id.view());
}

}  // namespace

DialogueStage::DialogueStage(Worker& worker, std::unique_ptr<Connection> connection,
                             std::vector<std::string> announced)
    : Stage(worker, std::move(connection)),
      dialogue_({.name = this->connection().config().banner.name,
                 .id = std::string(this->connection().id.view()),
                 .keywords = announced,
                 .tls = worker.shared().tls.is_open()}) {
  Connection& c = this->connection();
  c.questioned = std::make_unique<Questioned>();
  c.questioned->announced = std::move(announced);
  const auto session = static_cast<uint64_t>(c.config().grey.session_timeout.count());
  session_ends_ms_ =
      loop().now_ms() + (worker.is_stressed() ? std::min(session, kStressSessionMs) : session);
  worker.shared().metrics.questioning.Increment();
}

DialogueStage::~DialogueStage() { worker().shared().metrics.questioning.Decrement(); }

void DialogueStage::start() {
  Connection& c = connection();
  unsaid_ = greeting_line(c.config().banner.name);
  c.greeting = Connection::Greeting::kComplete;
  send();
  watch_client(EPOLLIN | EPOLLRDHUP);
  arm_timer();
}

void DialogueStage::arm_timer() {
  const auto limit = static_cast<uint64_t>(connection().config().limits.command_timeout.count());
  const uint64_t command = rcpt_waits_               ? kSpfPatienceMs
                           : worker().is_stressed() ? std::min(limit, kStressCommandMs)
                                                    : limit;
  loop().set_timer(*this, std::min(loop().now_ms() + command, session_ends_ms_));
}

void DialogueStage::on_ready(uint32_t) {
  char buffer[2048];
  const ssize_t n = ::recv(connection().fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return finish(true);
  if (tls_opening_) {
    tls_facts_.append(buffer, static_cast<size_t>(n));
    if (!tls_started()) return;
    return send();
  }
  if (take({buffer, static_cast<size_t>(n)})) send();
}

bool DialogueStage::take(std::string_view bytes) {
  while (!bytes.empty()) {
    if (skip_ > 0) {
      const size_t skipped = static_cast<size_t>(std::min<uint64_t>(skip_, bytes.size()));
      skip_ -= skipped;
      bytes.remove_prefix(skipped);
      continue;
    }
    if (rcpt_waits_) return handle(dialogue_.pipelined(unsaid_));
    const auto line = lines_.next(bytes);
    if (!line) break;
    const auto event = dialogue_.take(*line, unsaid_);
    skip_ = dialogue_.take_bytes_to_skip();
    if (event == SmtpDialogue::Event::kTls && !bytes.empty()) {
      // What came in clear after STARTTLS must not be taken for what comes in TLS (CVE-2011-0411).
      worker().shared().metrics.tls_injected.Increment();
      bytes = {};
    }
    if (!handle(event)) return false;
    // Many a server that has been told "later" does not wait for the reply to its RSET.
    const bool parting = hf::starts_with_ignoring_case(bytes, "QUIT\r\n");
    if (bytes.size() > skip_ && !parting) return handle(dialogue_.pipelined(unsaid_));
  }
  return true;
}

bool DialogueStage::handle(SmtpDialogue::Event event) {
  rcpt_waits_ = event == SmtpDialogue::Event::kRecipient;
  arm_timer();
  switch (event) {
    case SmtpDialogue::Event::kSender: ask_spf(); return true;
    case SmtpDialogue::Event::kRecipient: return (spf_ && !spf_outcome_) || judge_recipient();
    case SmtpDialogue::Event::kTls: return start_tls();
    case SmtpDialogue::Event::kClosed: finish(false); return false;
    default: return true;
  }
}

bool DialogueStage::start_tls() {
  Shared& shared = worker().shared();
  if (!shared.tls.admit(loop().now_ms())) {
    shared.metrics.tls_refused.Increment();
    unsaid_ += SmtpReply{454, "4.7.0", "TLS not available now, try later"}.wire();
    return true;
  }
  unsaid_ += SmtpReply{220, "2.0.0", "Ready to start TLS"}.wire();
  send();
  Connection& c = connection();
  auto plain = shared.tls.hand_over(c.fd.get(), c.id.view());
  if (!plain) {
    hf::log_error("no TLS for {}: {}", c.id.view(), plain.error().message);
    shared.metrics.tls_failed.Increment();
    finish(true);
    return false;
  }
  loop().unwatch(c.fd.get(), this);
  c.fd = std::move(*plain);
  c.watched = false;
  tls_opening_ = true;
  watch_client(EPOLLIN | EPOLLRDHUP);
  return true;
}

bool DialogueStage::tls_started() {
  if (tls_facts_.size() < kTlsFactsSize) return true;
  const auto facts = parse_tls_facts(
      std::as_bytes(std::span(tls_facts_)).first<kTlsFactsSize>());
  if (!facts) {
    finish(true);
    return false;
  }
  worker().shared().metrics.tls_ok.Increment();
  connection().questioned->tls = facts->protocol;
  tls_opening_ = false;
  lines_ = {};
  dialogue_.begin_again_in_tls();
  const std::string rest = std::exchange(tls_facts_, {}).substr(kTlsFactsSize);
  return take(rest);
}

void DialogueStage::ask_spf() {
  const Connection& c = connection();
  const Envelope& envelope = dialogue_.envelope();
  spf_.reset();
  spf_outcome_.reset();
  if (!c.config().grey.by(GreyScope::kSpf)) return;
  spf_ = std::make_unique<SpfCheck>(worker().resolver(), c.facts.client, envelope.helo,
                                    envelope.sender, [this](SpfOutcome outcome) {
                                      spf_outcome_ = std::move(outcome);
                                      if (rcpt_waits_ && judge_recipient()) send();
                                    });
  spf_->start();
}

bool DialogueStage::judge_recipient() {
  rcpt_waits_ = false;
  arm_timer();
  Connection& c = connection();
  const Envelope& envelope = dialogue_.envelope();
  if (is_postmaster(envelope.recipient)) return pass(Reason::kPostmaster);

  std::string_view spf_domain;
  if (spf_outcome_) {
    c.questioned->spf = fmt::format("{}:{}", name_of(spf_outcome_->result), spf_outcome_->domain);
    if (spf_outcome_->result == SpfResult::kPass) spf_domain = spf_outcome_->domain;
  }
  const GreyDecision decision =
      worker().shared().greylist.decide({.client = c.facts.client,
                                         .scopes = scopes_of_client(c, spf_domain),
                                         .sender = envelope.sender,
                                         .recipient = envelope.recipient});
  c.questioned->grey = note(decision, worker().shared().metrics);
  switch (decision.answer) {
    case GreyAnswer::kKnown: return pass(Reason::kKnownScope);
    case GreyAnswer::kPassed: return pass(Reason::kRetried);
    default: break;
  }
  // The first mail of the session is what its log line tells of.
  if (!deferred_) c.questioned->envelope = envelope;
  deferred_ = true;
  dialogue_.defer(deferral(c), unsaid_);
  return true;
}

bool DialogueStage::pass(Reason reason) {
  send();
  Connection& c = connection();
  c.questioned->envelope = dialogue_.envelope();
  c.questioned->rcpt_waits = true;
  c.verdict.reason = reason;
  Worker& home = worker();
  home.remember(c);
  hand_off(home, leave());
  return false;
}

void DialogueStage::on_timer() {
  if (rcpt_waits_) {
    spf_.reset();
    if (judge_recipient()) send();
    return;
  }
  handle(dialogue_.close("4.4.2", "Timeout", unsaid_));
}

void DialogueStage::on_shutdown() {
  handle(dialogue_.close("4.3.2", "Service restarting", unsaid_));
}

void DialogueStage::send() {
  if (unsaid_.empty()) return;
  const ssize_t n = ::send(connection().fd.get(), unsaid_.data(), unsaid_.size(),
                           MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n > 0) connection().bytes_out += static_cast<uint64_t>(n);
  unsaid_.clear();
}

void DialogueStage::finish(bool gone) {
  send();
  Worker& home = worker();
  Connection& c = connection();
  Verdict& verdict = c.verdict;
  const auto fault = dialogue_.fault();
  if (tls_opening_) home.shared().metrics.tls_failed.Increment();
  if (!deferred_) c.questioned->envelope = dialogue_.envelope();
  if (fault != SmtpDialogue::Fault::kNone) {
    home.shared().metrics.dialogue_fault(fault).Increment();
    verdict.action = Action::kRefuse;
    verdict.reason = Reason::kProtocol;
    c.refusal_code = 421;
  } else if (deferred_) {
    defer(verdict);
    c.refusal_code = 451;
  } else {
    verdict.action = Action::kHangup;
    verdict.reason = Reason::kNoMail;
  }
  home.remember(c);
  if (gone)
    home.conclude(leave());
  else
    home.begin<Farewell>(leave()).start();
}

void question(Worker& worker, std::unique_ptr<Connection> connection) {
  Connection& c = *connection;
  Greylist& greylist = worker.shared().greylist;
  const auto scopes = scopes_of_client(c, {});
  c.rules->look_up_provider(c.facts);
  if (!c.facts.provider.empty()) {
    c.verdict.reason = Reason::kProvider;
  } else if (greylist.is_known(scopes)) {
    c.verdict.reason = Reason::kKnownScope;
  } else if (const Backend* relay = worker.policy().backends->first_relay()) {
    worker.begin<DialogueStage>(std::move(connection), passable_keywords(relay->keywords()))
        .start();
    return;
  } else if (c.config().grey.defer_unasked) {
    const auto decision = greylist.decide({c.facts.client, scopes, {}, {}});
    note(decision, worker.shared().metrics);
    if (decision.answer == GreyAnswer::kPassed) c.verdict.reason = Reason::kRetried;
    if (decision.answer == GreyAnswer::kNew || decision.answer == GreyAnswer::kEarly)
      defer(c.verdict);
  }
  worker.carry_out(std::move(connection));
}

}  // namespace smtpgate
