// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/worker.h"

#include <algorithm>
#include <cerrno>
#include <random>

#include "base/net/tcp.h"
#include "base/os/log.h"
#include "smtpgate/gate/dialogue_stage.h"
#include "smtpgate/gate/handoff.h"
#include "smtpgate/gate/listener.h"
#include "smtpgate/gate/proxy_reader.h"
#include "smtpgate/gate/refusal.h"
#include "smtpgate/gate/waiting_room.h"
#include "smtpgate/policy/log_line.h"

namespace smtpgate {
namespace {

constexpr uint64_t kSweepMs = 10'000;

Fault fault_of(const Verdict& verdict) {
  switch (verdict.reason) {
    case Reason::kPregreet: return Fault::kPregreet;
    case Reason::kListed: return Fault::kListed;
    case Reason::kDenyList: return Fault::kDenied;
    case Reason::kPerIp:
    case Reason::kPerNet:
    case Reason::kRate: return Fault::kLimited;
    case Reason::kNoMail:
    case Reason::kHungUp: return Fault::kHangup;
    case Reason::kProtocol:
    case Reason::kProxyHeader: return Fault::kProtocol;
    default: return Fault::kOther;
  }
}

/// Whether the lists' answers are worth remembering: who was let in, but no doubtful client whose
/// mail may go to postmaster alone.
bool passed_lists(Reason reason) {
  return reason == Reason::kPassed || reason == Reason::kRetried || reason == Reason::kKnownScope ||
         reason == Reason::kProvider;
}

/// Whether the client's silence is: it has waited for the greeting, whatever came then.
bool passed_silence(Reason reason) {
  return passed_lists(reason) || reason == Reason::kGreylisted || reason == Reason::kPostmaster;
}

template <class T>
void count_up(T& counter) {
  if (counter != static_cast<T>(-1)) ++counter;
}

}  // namespace

/// What a worker does now and then, whoever is connected.
class Worker::Housekeeping final : public hf::Timer {
 public:
  explicit Housekeeping(Worker& worker) : worker_(worker) { arm(); }

 private:
  void arm() {
    due_ms_ = worker_.loop().now_ms() + kSweepMs;
    worker_.loop().set_timer(*this, due_ms_);
  }
  void on_timer() override {
    const uint64_t now = worker_.loop().now_ms();
    worker_.shared_.metrics.loop_lag_seconds.Set(static_cast<double>(now - due_ms_) / 1000);
    worker_.limits_.sweep(worker_.policy_.rules->config.limits, now);
    arm();
  }

  Worker& worker_;
  uint64_t due_ms_ = 0;
};

hf::Result<Worker::Seams> Worker::open_seams(const Config& config) {
  HF_TRY_ASSIGN(auto loop, hf::Loop::create());
  HF_TRY_ASSIGN(auto resolver,
                hf::make_cares_resolver(
                    *loop, {.servers = config.dns.servers,
                            .timeout_ms = static_cast<uint32_t>(config.dns.timeout.count())}));
  return Seams{std::move(loop), std::move(resolver)};
}

Worker::Worker(uint32_t index, Shared& shared, Policy policy, HistoryStore::Reader reader,
               Forward forward, Seams seams)
    : index_(index),
      shared_(shared),
      policy_(std::move(policy)),
      reader_(std::move(reader)),
      forward_(std::move(forward)),
      loop_(std::move(seams.loop)),
      resolver_(std::move(seams.resolver)),
      lists_(*loop_, *resolver_, shared_.metrics),
      housekeeping_(std::make_unique<Housekeeping>(*this)),
      serial_(std::random_device()()) {  // so that a restart within a second repeats no id
  lists_.use(policy_.rules, policy_.guards);
}

Worker::~Worker() = default;

void Worker::start() {
  thread_ = std::thread([this] { loop_->run(); });
}

void Worker::use(Policy policy) {
  loop_->post([this, policy = std::move(policy)] {
    policy_ = policy;
    lists_.use(policy_.rules, policy_.guards);
  });
}

void Worker::stop_and_join() {
  loop_->stop();
  if (thread_.joinable()) thread_.join();
}

void Worker::drain(std::chrono::milliseconds limit, std::function<void()> drained) {
  loop_->post([this, limit, drained = std::move(drained)] {
    /// Ends what is left of a drain.
    class Deadline final : public hf::Timer {
     public:
      explicit Deadline(Worker& worker) : worker_(worker) {}

     private:
      void on_timer() override {
        while (worker_.stages_ != nullptr) worker_.stages_->on_shutdown();
      }
      Worker& worker_;
    };
    draining_ = true;
    drained_ = drained;
    listeners_.clear();
    deadline_ = std::make_unique<Deadline>(*this);
    loop_->set_timer(*deadline_, loop_->now_ms() + static_cast<uint64_t>(limit.count()));
    check_drained();
  });
}

void Worker::check_drained() {
  if (draining_ && stages_ == nullptr && drained_) std::exchange(drained_, nullptr)();
}

hf::Result<void> Worker::add_listener(hf::Fd fd) {
  auto listener = std::make_unique<Listener>(*this, std::move(fd));
  HF_TRY(listener->watch());
  listeners_.push_back(std::move(listener));
  return {};
}

void Worker::accept(hf::Fd fd, const hf::Endpoint& peer, const hf::Endpoint& server,
                    bool out_of_descriptors) {
  const Config& config = policy_.rules->config;
  const bool balancer = std::ranges::any_of(config.listen.proxy_from, [&](const auto& prefix) {
    return prefix.contains(peer.ip);
  });
  if (!balancer || out_of_descriptors) {
    receive(std::move(fd), peer, server, out_of_descriptors);
    return;
  }
  begin<ProxyReader>(make_connection(std::move(fd), peer, server)).start();
}

std::unique_ptr<Connection> Worker::make_connection(hf::Fd fd, const hf::Endpoint& peer,
                                                    const hf::Endpoint& server) {
  auto c = std::make_unique<Connection>();
  c->fd = std::move(fd);
  c->peer = peer;
  c->server = server;
  c->id = ConnectionId(loop_->unix_seconds(), index_, ++serial_);
  c->accepted_ms = loop_->now_ms();
  c->accepted_unix = loop_->unix_seconds();
  c->rules = policy_.rules;
  c->facts.client = peer.ip;
  shared_.live.fetch_add(1, std::memory_order_relaxed);
  return c;
}

void Worker::receive(hf::Fd fd, const hf::Endpoint& peer, const hf::Endpoint& server,
                     bool out_of_descriptors) {
  const uint32_t owner = hf::steering_index(peer.ip, shared_.workers);
  if (owner != index_ && !draining_) {
    forward_(owner, std::move(fd), peer, server);
    return;
  }
  judge(make_connection(std::move(fd), peer, server), out_of_descriptors);
}

void Worker::receive_forwarded(hf::Fd fd, hf::Endpoint peer, hf::Endpoint server) {
  // A task must be copyable, which a descriptor is not: it travels as a number.
  loop_->post([this, raw = fd.release(), peer, server] {
    judge(make_connection(hf::Fd(raw), peer, server), false);
  });
}

void Worker::judge(std::unique_ptr<Connection> connection, bool out_of_descriptors) {
  Connection& c = *connection;
  const Ruleset& rules = *c.rules;
  Facts& facts = c.facts;
  facts.limit = limits_.enter(facts.client, rules.config.limits, loop_->now_ms());
  c.counted = true;
  rules.look_up_access(facts, loop_->unix_seconds());
  recall(c);
  if (facts.limit == Limit::kNone && !facts.known_good && !facts.allowed && room_is_full(rules.config))
    facts.limit = Limit::kWaitingRoom;
  if (out_of_descriptors) facts.limit = Limit::kDescriptors;
  if (facts.limit != Limit::kNone) shared_.metrics.limited(facts.limit).Increment();

  // Without pending facts the tests would seem passed, so only what needs no waiting counts here.
  if (c.lists_due) rules.look_up_local_lists(facts);
  const Verdict verdict = decide(facts, rules.config, false);
  const bool lists_wait = c.lists_due && rules.has_dns_tests() && !facts.client.is_private();
  if (verdict.action == Action::kWait || (verdict.reason == Reason::kPassed && lists_wait))
    begin<WaitingClient>(std::move(connection)).start();
  else
    settle(std::move(connection), verdict);
}

bool Worker::room_is_full(const Config& config) const {
  // Known-good clients are never held up by strangers: a twentieth of all descriptors is theirs.
  const auto descriptors = static_cast<int64_t>(shared_.descriptor_limit);
  return shared_.waiting.load(std::memory_order_relaxed) >= config.limits.waiting ||
         shared_.live.load(std::memory_order_relaxed) >= descriptors - descriptors / 20;
}

/// What history says of the client becomes facts.
void Worker::recall(Connection& c) {
  const Config& config = c.config();
  const HistoryRecord record = history_.get(HistoryKey::of(c.facts.client), reader_);
  const auto now = static_cast<uint32_t>(loop_->unix_seconds());
  c.pregreet_due =
      record.pregreet_pass_until <= now && config.pregreet.action != TestAction::kIgnore;
  c.lists_due = record.dns_pass_until <= now && c.rules->has_dns_tests();
  c.facts.known_good = !c.pregreet_due && !c.lists_due;
  if (!c.pregreet_due) c.facts.pregreet.state = PregreetFact::State::kPassedBefore;
}

bool Worker::is_stressed() const {
  return shared_.waiting.load(std::memory_order_relaxed) * 10 >
         policy_.rules->config.limits.waiting * 9;
}

void Worker::remember(const Connection& c) {
  const Config& config = c.config();
  const HistoryKey key = HistoryKey::of(c.facts.client);
  const auto now = static_cast<uint32_t>(loop_->unix_seconds());
  HistoryRecord record = history_.get(key, reader_);
  if (record.first_seen == 0) record.first_seen = now;
  record.last_seen = record.last_decided = now;
  count_up(record.connections);
  record.last_verdict = static_cast<uint8_t>(c.verdict.action);
  record.last_reason = static_cast<uint8_t>(c.verdict.reason);
  record.last_score = static_cast<int16_t>(std::clamp(c.verdict.score, -32768, 32767));

  if (c.verdict.action == Action::kHandOff) {
    count_up(record.handoffs);
  } else if (c.verdict.reason != Reason::kGreylisted) {
    count_up(record.faults[static_cast<size_t>(fault_of(c.verdict))]);
    if (c.verdict.reason == Reason::kPregreet) record.pregreet_pass_until = 0;
    if (c.verdict.reason == Reason::kListed) record.dns_pass_until = 0;
  }
  const auto until = [now](std::chrono::seconds pass) {
    return now + static_cast<uint32_t>(pass.count());
  };
  if (passed_silence(c.verdict.reason) && c.facts.pregreet.state == PregreetFact::State::kSilent)
    record.pregreet_pass_until = until(config.pregreet.pass);
  if (passed_lists(c.verdict.reason) && c.lists_due && !c.verdict.partial)
    record.dns_pass_until = until(config.dns.pass);
  history_.put(key, record);
}

void Worker::settle(std::unique_ptr<Connection> connection, const Verdict& verdict) {
  Connection& c = *connection;
  c.verdict = verdict;
  GateMetrics& metrics = shared_.metrics;
  if (verdict.partial) metrics.partial_scores.Increment();
  if (c.facts.pregreet.state == PregreetFact::State::kTalked) {
    metrics.pregreet_class(c.facts.pregreet.kind).Increment();
    metrics.pregreet_seconds.Observe(c.facts.pregreet.after_ms / 1000.0);
  }

  if (c.config().mode.enforce && wants_greylisting(verdict, c.config()))
    question(*this, std::move(connection));
  else
    carry_out(std::move(connection));
}

void Worker::carry_out(std::unique_ptr<Connection> connection) {
  Connection& c = *connection;
  const Verdict& verdict = c.verdict;
  remember(c);
  const bool obey = c.config().mode.enforce || verdict.reason == Reason::kDescriptors;
  switch (verdict.action) {
    case Action::kHangup: return conclude(std::move(connection));
    case Action::kDrop:
      if (obey) return conclude(std::move(connection));
      break;
    case Action::kRefuse:
      if (obey) {
        SmtpReply reply = refusal_reply(verdict, c.facts, c.config(), c.id.view());
        begin<Refusal>(std::move(connection), std::move(reply)).start();
        return;
      }
      break;
    case Action::kHandOff:
    case Action::kWait: break;
  }
  hand_off(*this, std::move(connection));
}

void Worker::refuse(std::unique_ptr<Connection> connection, Reason reason) {
  Connection& c = *connection;
  c.verdict.action = Action::kRefuse;
  c.verdict.reason = reason;
  c.verdict.soft = true;
  SmtpReply reply = refusal_reply(c.verdict, c.facts, c.config(), c.id.view());
  if (c.questioned && c.questioned->refused_by) reply = *c.questioned->refused_by;
  begin<Refusal>(std::move(connection), std::move(reply)).start();
}

void Worker::discard(std::unique_ptr<Connection> connection) {
  shared_.live.fetch_sub(1, std::memory_order_relaxed);
  connection.reset();
}

void Worker::conclude(std::unique_ptr<Connection> connection) {
  const Connection& c = *connection;
  const Config& config = c.config();
  shared_.metrics.verdict(c.verdict.action, c.verdict.reason, config.mode.enforce).Increment();
  shared_.metrics.closed.Increment();
  shared_.live.fetch_sub(1, std::memory_order_relaxed);
  if (c.counted) limits_.leave(c.facts.client);

  LogLine line;
  line.time = c.accepted_unix;
  line.id = c.id.view();
  line.client = c.peer;
  line.server = c.server;
  line.action = c.verdict.action;
  line.reason = c.verdict.reason;
  line.enforced = config.mode.enforce;
  line.score = c.verdict.score;
  line.partial = c.verdict.partial;
  line.soft = c.verdict.soft;
  line.doubtful = c.verdict.doubtful;
  line.facts = std::move(connection->facts);
  for (const ListConfig& list : config.lists) line.list_names.push_back(list.name);
  line.backend = c.backend;
  line.code = c.refusal_code;
  line.bytes_in = c.bytes_in;
  line.bytes_out = c.bytes_out;
  line.duration_ms = static_cast<uint32_t>(loop_->now_ms() - c.accepted_ms);
  if (const auto& asked = c.questioned)
    line.dialogue = {asked->envelope.helo, asked->envelope.sender, asked->envelope.recipient,
                     asked->spf,           asked->grey,            asked->tls};
  log_buffer_.clear();
  format_log_line(line, log_buffer_);
  hf::log_connection(log_buffer_);
  connection.reset();
  check_drained();
}

void Worker::link(Stage& stage) {
  stage.next_ = stages_;
  if (stages_ != nullptr) stages_->prev_ = &stage;
  stages_ = &stage;
}

void Worker::end(Stage& stage) {
  (stage.prev_ != nullptr ? stage.prev_->next_ : stages_) = stage.next_;
  if (stage.next_ != nullptr) stage.next_->prev_ = stage.prev_;
  delete &stage;
}

}  // namespace smtpgate
