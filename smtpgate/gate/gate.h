// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/os/fd.h"

namespace smtpgate {

/// The gate process: reads the configuration, opens what it needs through `master`, gives up all
/// privileges and serves until SIGTERM. `user` is whom to become, empty to stay. Returns the exit
/// code of the process.
int run_gate(hf::Fd master, const std::string& user);

}  // namespace smtpgate
