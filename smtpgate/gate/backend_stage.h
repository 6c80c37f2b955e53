// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtpgate/gate/backends.h"
#include "smtpgate/gate/stage.h"

namespace smtpgate {

/// What the ways to one backend share: which it is, how long it may take, and what comes after.
class BackendStage : public Stage {
 public:
  BackendStage(Worker& worker, std::unique_ptr<Connection> connection,
               std::shared_ptr<Backends> backends, size_t index);

  void on_shutdown() override;

 protected:
  Backend& backend() const { return *backends_->all()[index_]; }
  /// When the backend has had the time that connecting may take.
  uint64_t deadline_ms() const;
  /// Counts how it went.
  void record(bool taken);
  /// Ends the stage: the next backend is tried.
  void fail();

 private:
  const std::shared_ptr<Backends> backends_;
  const size_t index_;
  const uint64_t started_ms_;
};

}  // namespace smtpgate
