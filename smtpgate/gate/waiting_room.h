// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtpgate/gate/list_desk.h"
#include "smtpgate/gate/stage.h"

namespace smtpgate {

/// A client whose verdict takes time: it gets the first half of a greeting, must stay silent, and
/// meanwhile its lists and reverse name are asked. Nothing that it sends is consumed here, so that
/// a server that takes the descriptor finds it all.
class WaitingClient final : public Stage, private ListDesk::Inquirer {
 public:
  WaitingClient(Worker& worker, std::unique_ptr<Connection> connection);
  ~WaitingClient() override;

  /// Sends the teaser and starts the clock. May end the stage.
  void start();

 private:
  void on_ready(uint32_t events) override;
  void on_timer() override;
  void on_shutdown() override;
  void on_list(size_t list, const ListFact& fact) override;
  void on_rdns(const RdnsFact& fact) override;

  enum class Look : uint8_t { kNothing, kTalked, kGone };
  Look look();
  bool note_early_talker();
  void ask_lists();
  /// False: the verdict fell, and this stage is no more.
  bool evaluate(bool closing);
  uint32_t elapsed_ms() const;
  uint64_t wait_ms() const;

  ListDesk::Ticket ticket_ = 0;
  bool asked_ = false;
  bool window_over_ = false;  // silent for min_wait
};

}  // namespace smtpgate
