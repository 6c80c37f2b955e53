// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/net/loop.h"
#include "base/net/resolver.h"
#include "smtpgate/gate/connection.h"
#include "smtpgate/gate/limits.h"
#include "smtpgate/gate/list_desk.h"
#include "smtpgate/gate/shared.h"
#include "smtpgate/gate/stage.h"
#include "smtpgate/history/pending.h"

namespace smtpgate {

class Listener;

/// One thread with its own event loop, listeners, limits, DNS answers and history in the making.
/// A client belongs to the worker that its network is steered to, so none of these is shared.
class Worker {
 public:
  /// Hands an accepted descriptor to the worker that owns its client.
  using Forward = std::function<void(uint32_t owner, hf::Fd, hf::Endpoint peer, hf::Endpoint server)>;

  /// What it sees the world through.
  struct Seams {
    std::unique_ptr<hf::Loop> loop;
    std::unique_ptr<hf::Resolver> resolver;
  };
  /// A loop on the system's clock, and a resolver as configured.
  static hf::Result<Seams> open_seams(const Config& config);

  Worker(uint32_t index, Shared& shared, Policy policy, HistoryStore::Reader reader,
         Forward forward, Seams seams);
  ~Worker();

  // --- callable from any thread -----------------------------------------------------------------
  void start();
  void use(Policy policy);
  void receive_forwarded(hf::Fd fd, hf::Endpoint peer, hf::Endpoint server);
  /// Closes the listeners and calls `drained` (on the worker's thread) when no connection is left;
  /// after `limit` those that are left are ended.
  void drain(std::chrono::milliseconds limit, std::function<void()> drained);
  void stop_and_join();
  /// Runs `task` on the worker's thread.
  void post(std::function<void()> task) { loop_->post(std::move(task)); }

  // --- before start() or on the worker's thread -------------------------------------------------
  hf::Result<void> add_listener(hf::Fd fd);
  hf::Loop& loop() { return *loop_; }
  Shared& shared() { return shared_; }
  const Policy& policy() const { return policy_; }
  ListDesk& lists() { return lists_; }
  PendingHistory& history() { return history_; }
  HistoryStore::Reader& reader() { return reader_; }
  hf::Resolver& resolver() { return *resolver_; }
  bool draining() const { return draining_; }
  /// Whether the waiting room is nearly full, so that nobody may take long.
  bool is_stressed() const;
  const LimitTable& limits() const { return limits_; }

  /// A client's connection arrives: first its balancer's header, if it comes from a balancer.
  void accept(hf::Fd fd, const hf::Endpoint& peer, const hf::Endpoint& server,
              bool out_of_descriptors);
  /// The client is known: forwards it to its owner or begins to judge it.
  void receive(hf::Fd fd, const hf::Endpoint& peer, const hf::Endpoint& server,
               bool out_of_descriptors = false);
  /// Carries out a verdict: remembers it, and moves the connection on.
  void settle(std::unique_ptr<Connection> connection, const Verdict& verdict);
  /// … without asking a doubtful client anything.
  void carry_out(std::unique_ptr<Connection> connection);
  /// The connection's verdict becomes history.
  void remember(const Connection& connection);
  /// Refuses for a reason that came up after the verdict (no backend, shutdown), even where the
  /// mode is to observe.
  void refuse(std::unique_ptr<Connection> connection, Reason reason);
  /// Ends a balancer's connection that goes on under its client's name.
  void discard(std::unique_ptr<Connection> connection);
  /// The connection's end: its one log line, and its places in the limits given back.
  void conclude(std::unique_ptr<Connection> connection);

  /// Takes a stage onto the list of those alive.
  template <class S, class... Args>
  S& begin(Args&&... args) {
    auto stage = std::make_unique<S>(*this, std::forward<Args>(args)...);
    S& out = *stage;
    link(*stage.release());
    return out;
  }
  /// Destroys a stage that has given its connection away.
  void end(Stage& stage);

 private:
  class Housekeeping;

  void link(Stage& stage);
  std::unique_ptr<Connection> make_connection(hf::Fd fd, const hf::Endpoint& peer,
                                              const hf::Endpoint& server);
  void judge(std::unique_ptr<Connection> connection, bool out_of_descriptors);
  void recall(Connection& connection);
  bool room_is_full(const Config& config) const;
  void check_drained();

  const uint32_t index_;
  Shared& shared_;
  Policy policy_;
  HistoryStore::Reader reader_;
  Forward forward_;
  std::unique_ptr<hf::Loop> loop_;
  std::unique_ptr<hf::Resolver> resolver_;
  ListDesk lists_;
  LimitTable limits_;
  PendingHistory history_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unique_ptr<Housekeeping> housekeeping_;
  Stage* stages_ = nullptr;

  uint32_t serial_;  // of the next connection; only its low 24 bits count
  std::string log_buffer_;
  bool draining_ = false;
  std::function<void()> drained_;
  std::unique_ptr<hf::Timer> deadline_;  // of the drain
  std::thread thread_;
};

}  // namespace smtpgate
