// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/backend_stage.h"

#include "smtpgate/gate/handoff.h"
#include "smtpgate/gate/worker.h"

namespace smtpgate {

BackendStage::BackendStage(Worker& worker, std::unique_ptr<Connection> connection,
                           std::shared_ptr<Backends> backends, size_t index)
    : Stage(worker, std::move(connection)),
      backends_(std::move(backends)),
      index_(index),
      started_ms_(worker.loop().now_ms()) {}

uint64_t BackendStage::deadline_ms() const {
  return started_ms_ +
         static_cast<uint64_t>(connection().config().backend.connect_timeout.count());
}

void BackendStage::record(bool taken) {
  GateMetrics& metrics = worker().shared().metrics;
  metrics.handoff(backend().uri().kind, taken).Increment();
  if (taken)
    metrics.handoff_seconds.Observe(static_cast<double>(loop().now_ms() - started_ms_) / 1000);
}

void BackendStage::fail() {
  backend().set_up(false);  // until a probe or a hand-over succeeds
  record(false);
  const size_t rest = index_ + 1;
  Worker& home = worker();
  hand_off_from(home, leave(), rest);
}

void BackendStage::on_shutdown() { worker().refuse(leave(), Reason::kShutdown); }

}  // namespace smtpgate
