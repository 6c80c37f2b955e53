// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/core/result.h"

namespace smtpgate {

/// Closes the sandbox around the terminator: no new privileges, no file system, no core dump of its
/// keys, and only the system calls of its sessions. For a process of one thread.
hf::Result<void> confine_terminator();

/// Closes the sandbox around a FileKeeper: files can be opened for reading, and that is all.
hf::Result<void> confine_file_keeper();

}  // namespace smtpgate
