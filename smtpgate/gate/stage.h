// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/net/loop.h"
#include "base/net/timer_wheel.h"
#include "smtpgate/gate/connection.h"

namespace smtpgate {

class Worker;

/// One step in a connection's life: it owns the connection, waits for its descriptors and its
/// timer, and at its end hands the connection to the next step or to Worker::conclude(). A stage
/// lives on its worker's list until leave(), always the last thing that one of its callbacks does.
class Stage : public hf::ReadyHandler, public hf::Timer {
 public:
  Stage(Worker& worker, std::unique_ptr<Connection> connection);
  ~Stage() override;

  /// The drain is over: end now, kindly if that takes no waiting.
  virtual void on_shutdown() = 0;

 protected:
  Worker& worker() const { return worker_; }
  hf::Loop& loop() const;
  Connection& connection() const { return *connection_; }
  /// Destroys the stage and gives its connection to the caller, as in `worker().conclude(leave())`.
  /// The descriptor stays registered with the loop for the next stage to take over, or for its
  /// closing to end that.
  std::unique_ptr<Connection> leave();
  void watch_client(uint32_t events);

 private:
  friend class Worker;
  Worker& worker_;
  std::unique_ptr<Connection> connection_;
  Stage* next_ = nullptr;
  Stage* prev_ = nullptr;
};

}  // namespace smtpgate
