// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/os/fd.h"

namespace smtpgate {

struct RunOptions {
  std::string config_path;
  std::string user;  // whom the gate runs as; empty: whoever started it
};

/// The gate process: reads the configuration, opens what it needs through `master`, gives up all
/// privileges and serves until SIGTERM. Returns the exit code of the process.
int run_gate(hf::Fd master, const RunOptions& options);

}  // namespace smtpgate
