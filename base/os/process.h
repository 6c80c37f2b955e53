// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/os/fd.h"

namespace hf {

/// Becomes `user` for good, with its groups: real, effective and saved ids change, and it is an
/// error if root could be had back. To be called by root, before any thread is started.
Result<void> drop_privileges(const std::string& user);

/// The path of the program `name` in the folder that this program was started from.
std::string beside_this_program(std::string_view name);
/// Runs a program with our standard streams and waits for its end; its exit code, 128 and more for
/// a signal. The first of `command` is its path.
Result<int> run_and_wait(const std::vector<std::string>& command);

/// How many descriptors this process may have open (the soft RLIMIT_NOFILE).
uint64_t descriptor_limit();
/// Raises it to the hard limit, as far as the kernel lets us; descriptor_limit() tells the outcome.
void raise_descriptor_limit();

/// Sends `bytes` (at least one) as one message, with a copy of `fd` unless that is -1. All or
/// nothing: a message that went only in part is an error.
Result<void> send_with_fd(int socket, std::span<const std::byte> bytes, int fd);

struct ReceivedMessage {
  size_t size = 0;  // 0: the other end is closed
  Fd fd;            // empty if none came along
};
/// Receives one message of a SOCK_SEQPACKET socket into `buffer`. One that is longer than the
/// buffer, or that carries more than one descriptor, is an error and leaves nothing open.
Result<ReceivedMessage> receive_with_fd(int socket, std::span<std::byte> buffer);

}  // namespace hf
