// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/core/text.h"
#include "base/os/fd.h"
#include "smtpgate/gate/channel.h"

namespace smtpgate {

/// The way to smtpgate-tls. Safe to use from any thread.
class TlsDoor {
 public:
  explicit TlsDoor(MasterChannel& master) : master_(master) {}

  /// Has the terminator started with these files: certificate, key, certificate, key, …
  /// `handshakes`: no more than that many, since each costs as much as tens of connections.
  hf::Result<void> open(const std::vector<std::string>& files, const hf::Rate& handshakes);
  bool is_open() const { return !files_.empty(); }

  /// Whether one more handshake may begin now.
  bool admit(uint64_t now_ms);
  /// Hands over a client that waits for its handshake. Returns our end of what it says in clear,
  /// which begins with TlsFacts.
  hf::Result<hf::Fd> hand_over(int client_fd, std::string_view id);

 private:
  hf::Result<void> connect();

  MasterChannel& master_;
  std::string files_;  // one a line; set before there are threads
  hf::Rate handshakes_;

  std::mutex mutex_;
  hf::Fd control_;         // guarded by mutex_
  float tokens_ = 0;       // guarded by mutex_
  uint64_t filled_ms_ = 0; // guarded by mutex_: when tokens_ was right
};

}  // namespace smtpgate
