// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtpgate/gate/gate.h"

namespace smtpgate {

/// `smtpgate run`: forks the gate, serves its requests and passes signals on until it is told to
/// stop. The process that calls it is the master and keeps its privileges. Started by root, the gate
/// becomes `options.user`; where that is empty, smtpgate, or nobody if there is no such user.
/// Returns the exit code.
int run_master(RunOptions options);

}  // namespace smtpgate
