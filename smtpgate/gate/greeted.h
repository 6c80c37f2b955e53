// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtpgate/gate/stage.h"

namespace smtpgate {

/// A stranger that passed and goes to a relay: it has the whole greeting from us, and until it
/// speaks it holds no connection to the mail server.
class Greeted final : public Stage {
 public:
  Greeted(Worker& worker, std::unique_ptr<Connection> connection);
  void start();

 private:
  void on_ready(uint32_t events) override;
  void on_timer() override;
  void on_shutdown() override;
};

}  // namespace smtpgate
