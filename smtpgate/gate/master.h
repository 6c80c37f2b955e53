// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace smtpgate {

struct RunOptions {
  std::string config_path;
  std::string user;  // whom the gate runs as when started by root; empty: smtpgate, else nobody
};

/// `smtpgate run`: forks the gate, serves its requests and passes signals on until it is told to
/// stop. The process that calls it is the master and keeps its privileges. Returns the exit code.
int run_master(const RunOptions& options);

}  // namespace smtpgate
