// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <optional>

#include "base/core/result.h"
#include "base/os/fd.h"

namespace hf {

/// Blocks `signals` in the calling thread, so in all threads and processes it starts later, and
/// opens a non-blocking descriptor that tells of them (signalfd(2)).
Result<Fd> block_and_open_signalfd(std::initializer_list<int> signals);
/// The next signal that waits on such a descriptor; nullopt if there is none.
std::optional<int> read_signal(int fd);

/// Makes writing to a closed pipe or socket an error (EPIPE) instead of the end of the process.
void ignore_sigpipe();

}  // namespace hf
