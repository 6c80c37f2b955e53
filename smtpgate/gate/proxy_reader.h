// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtpgate/gate/stage.h"

namespace smtpgate {

/// A connection from a listed balancer, until its PROXY header is complete. Only the header's bytes
/// are consumed; what the client behind it sent early stays in the socket.
class ProxyReader final : public Stage {
 public:
  ProxyReader(Worker& worker, std::unique_ptr<Connection> connection);
  void start();

 private:
  void on_ready(uint32_t events) override;
  void on_timer() override;
  void on_shutdown() override;
  void give_up(Action action, Reason reason);
};

}  // namespace smtpgate
