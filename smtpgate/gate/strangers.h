// SPDX-License-Identifier: Apache-2.0
//
// How many sessions of unknown clients are alive in a backend that took their descriptor.
//
// After the hand-over the gate holds nothing of the session (a kept duplicate would hold the socket
// open), so the kernel is asked through sock_diag(7) whether the connection still exists. The
// kernel is asked only when all slots are taken, about those that hold one, at most twice a second.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "base/core/result.h"
#include "base/net/ip.h"
#include "base/os/fd.h"

namespace smtpgate {

class Strangers {
 public:
  /// To be called before the sandbox closes; without it slots are given back by age alone.
  hf::Result<void> open();

  /// Takes a slot for a session, unless `slots` are in use.
  bool enter(const hf::Endpoint& client, const hf::Endpoint& server, int64_t slots,
             uint64_t now_ms);
  size_t alive() const;

 private:
  struct Session {
    hf::Endpoint client, server;
    uint64_t since_ms;
  };
  bool is_alive(const Session& session, uint64_t now_ms) const;
  void count_again(uint64_t now_ms);

  hf::Fd diag_;
  mutable std::mutex mutex_;
  std::vector<Session> sessions_;  // guarded by mutex_
  uint64_t counted_ms_ = 0;        // guarded by mutex_
};

}  // namespace smtpgate
