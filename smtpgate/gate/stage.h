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
/// lives on its worker's list and is destroyed by Worker::end(), always as the last thing that one
/// of its callbacks does.
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
  /// Leaves the stage without its connection. Its descriptor stays registered with the loop for
  /// the next stage to take over, or for its closing to end that; no event comes here any more.
  std::unique_ptr<Connection> take_connection();
  void watch_client(uint32_t events);

 private:
  friend class Worker;
  Worker& worker_;
  std::unique_ptr<Connection> connection_;
  Stage* next_ = nullptr;
  Stage* prev_ = nullptr;
};

}  // namespace smtpgate
