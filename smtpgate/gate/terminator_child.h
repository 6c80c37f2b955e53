// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/core/result.h"
#include "base/os/fd.h"

namespace smtpgate {

/// smtpgate-tls as the master runs it: started when the gate first asks for it, kept while it
/// lives, started again by the next request after its death. It outlives a gate that died.
class TerminatorChild {
 public:
  /// The gate's end of the control socket. `files`: certificate, key, certificate, key, …
  hf::Result<hf::Fd> control(const std::vector<std::string>& files, const std::string& user);
  /// Takes note of the death of `pid`, if it is this one.
  void reaped(pid_t pid);
  void reload() const;
  /// Tells it to stop and waits until its last session has ended.
  void stop();

 private:
  hf::Result<void> start(const std::vector<std::string>& files, const std::string& user);

  pid_t pid_ = -1;
  hf::Fd control_;
};

}  // namespace smtpgate
