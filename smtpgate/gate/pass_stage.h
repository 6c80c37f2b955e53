// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtpgate/gate/backend_stage.h"

namespace smtpgate {

/// A descriptor on its way into a Postfix `pass` service: sent, and our copy kept until the server
/// says by an end of file that it has taken it. While the service's queue is full it is tried
/// again, as long as connecting may take.
class PassStage final : public BackendStage {
 public:
  using BackendStage::BackendStage;
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

  hf::Fd service_;  // empty until the descriptor is sent
};

}  // namespace smtpgate
