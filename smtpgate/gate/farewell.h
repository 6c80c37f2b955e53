// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtpgate/gate/stage.h"

namespace smtpgate {

/// The last moments of a client to which the last word has been said: it is given a little time to
/// read it. A plain close() with unread input would send a reset, which can overtake our words.
class Farewell final : public Stage {
 public:
  using Stage::Stage;
  void start();

 private:
  void on_ready(uint32_t events) override;
  void on_timer() override;
  void on_shutdown() override;

  size_t drained_ = 0;
};

}  // namespace smtpgate
