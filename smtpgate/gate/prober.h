// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "smtpgate/gate/shared.h"

namespace smtpgate {

/// Tries every backend at start, after a reload and at each interval, on a thread of its own so
/// that a probe can be written as one conversation.
class Prober {
 public:
  explicit Prober(Shared& shared) : shared_(shared) {}
  ~Prober();

  void start();
  /// Probes these from now on, at once.
  void use(const Policy& policy);

 private:
  void run();
  void probe(Backend& backend, const Config& config);

  Shared& shared_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Policy policy_;          // guarded by mutex_
  bool fresh_ = false;     // guarded by mutex_; policy_ has not been probed
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace smtpgate
