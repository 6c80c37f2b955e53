// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtpgate/gate/backends.h"
#include "smtpgate/gate/stage.h"

namespace smtpgate {

/// A descriptor on its way into a Postfix `pass` service: sent, and our copy kept until the server
/// says by an end of file that it has taken it. While the service's queue is full it is tried
/// again, as long as connecting may take.
class PassStage final : public Stage {
 public:
  PassStage(Worker& worker, std::unique_ptr<Connection> connection,
            std::shared_ptr<Backends> backends, size_t index);
  ~PassStage() override;

  /// May end the stage.
  void start();

 private:
  void on_ready(uint32_t events) override;
  void on_timer() override;
  void on_shutdown() override;

  hf::Result<hf::Fd> send();
  void try_to_pass();
  void finish(bool taken);
  void fail();

  Backend& backend() const { return *backends_->all()[index_]; }

  const std::shared_ptr<Backends> backends_;
  const size_t index_;
  const uint64_t started_ms_;
  hf::Fd service_;  // empty until the descriptor is sent
};

}  // namespace smtpgate
