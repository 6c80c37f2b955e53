// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/core/result.h"

namespace smtpgate {

/// Closes the sandbox around the gate: no new privileges, no file system (all it needs is open),
/// and only the system calls of docs/sandbox.md. To be called before any thread is started.
hf::Result<void> confine_gate();

}  // namespace smtpgate
