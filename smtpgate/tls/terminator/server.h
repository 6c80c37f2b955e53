// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "base/net/loop.h"
#include "smtpgate/tls/terminator/context.h"
#include "smtpgate/tls/terminator/session.h"

namespace smtpgate {

/// Takes clients from the control socket and keeps their sessions until they end. A gate that
/// closes its end of the control socket stops the server.
class Server final : public hf::ReadyHandler {
 public:
  static constexpr uint64_t kDrainMs = 30'000;
  static constexpr uint64_t kTicketKeyMs = 24ULL * 3600 * 1000;  // how long ticket keys are used

  /// Loads the certificates anew.
  using Load = std::function<hf::Result<TlsContext>()>;

  /// Serves until `loop` is stopped, which it does itself after stop().
  static hf::Result<std::unique_ptr<Server>> create(hf::Loop& loop, hf::Fd control, Load load);
  ~Server() override;

  /// Certificates that cannot be loaded leave the old ones in force, and the log says why. Sessions
  /// go on with what they began with.
  void reload();
  /// Takes no more clients; the loop stops when the last session has ended, or after kDrainMs.
  void stop();

  size_t sessions() const { return sessions_.size(); }

 private:
  struct KeyTimer final : hf::Timer {
    explicit KeyTimer(Server& owner) : server(owner) {}
    void on_timer() override { server.renew_keys(); }
    Server& server;
  };
  struct DrainTimer final : hf::Timer {
    explicit DrainTimer(Server& owner) : server(owner) {}
    void on_timer() override { server.loop_.stop(); }
    Server& server;
  };

  Server(hf::Loop& loop, hf::Fd control, Load load);
  hf::Result<void> load();
  void on_ready(uint32_t events) override;
  void serve(SessionRequest request);
  void renew_keys();

  hf::Loop& loop_;
  hf::Fd control_;  // empty after stop()
  const Load load_;
  TlsContext context_;
  std::unordered_map<Session*, std::unique_ptr<Session>> sessions_;
  KeyTimer key_timer_{*this};
  DrainTimer drain_timer_{*this};
};

}  // namespace smtpgate
