// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtpgate/gate/backends.h"
#include "smtpgate/gate/stage.h"

namespace smtpgate {

/// A descriptor on its way into a Postfix `pass` service: sent, and our copy kept until the server
/// says by an end of file that it has taken it.
class PassStage final : public Stage {
 public:
  /// Sends the descriptor and begins to wait; false, with `connection` untouched, if the service
  /// does not take the message.
  static bool begin(Worker& worker, std::unique_ptr<Connection>& connection, Backend& backend);

  PassStage(Worker& worker, std::unique_ptr<Connection> connection, hf::Fd service);
  ~PassStage() override;

 private:
  void on_ready(uint32_t events) override;
  void on_timer() override;
  void on_shutdown() override;
  void finish(bool taken);

  hf::Fd service_;
  uint64_t sent_ms_;
};

}  // namespace smtpgate
