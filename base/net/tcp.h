// SPDX-License-Identifier: Apache-2.0
//
// Stream sockets: listening, connecting, and which listener of several gets a client.
//
// Steering. Problem: all clients of one network shall meet the same thread, so that what is counted
// about them needs no lock. Idea: each thread has its own socket of one SO_REUSEPORT group, and a
// classic BPF program in the kernel picks the socket from the client's network alone: the /24 of
// IPv4, the /64 of IPv6. The same function in user space tells who the owner is, where the kernel
// could not steer. Limits: one busy network is one thread's work; and sockets are numbered in the
// order in which they began to listen, so that closing one renumbers the others.
#pragma once

#include <cstdint>
#include <string>

#include "base/core/result.h"
#include "base/net/ip.h"
#include "base/os/fd.h"

namespace hf {

struct ListenOptions {
  bool reuse_port = false;
  int backlog = 4096;  // the kernel caps it at net.core.somaxconn
};

/// A bound and listening socket, non-blocking and close-on-exec. An IPv6 one takes no IPv4 clients.
Result<Fd> listen_tcp(const Endpoint& endpoint, const ListenOptions& options);

/// Starts to connect; non-blocking. Once the socket is writable connect_result() tells the outcome.
Result<Fd> connect_tcp(const Endpoint& endpoint);
/// Connects to the stream socket at `path`; non-blocking, but done on return. The error's `sys` is
/// EAGAIN where the listener's queue is full.
Result<Fd> connect_unix(const std::string& path);
/// The pending error of `fd` (SO_ERROR), which is thereby cleared.
Result<void> connect_result(int fd);

/// Makes the group of `fd` choose by steering_index(); once for a group, `sockets` being its size.
/// The group is of one family: IPv4 if `v4`, else IPv6.
Result<void> steer_by_network(int fd, bool v4, uint32_t sockets);
/// The index, below `sockets` (which is not 0), of the socket that owns the network of `client`.
uint32_t steering_index(const IpAddress& client, uint32_t sockets);

}  // namespace hf
