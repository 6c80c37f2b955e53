// SPDX-License-Identifier: Apache-2.0
//
// The hand-over of an accepted connection to a Postfix `pass` service: over a stream socket at
// <queue_directory>/private/<service>, one zero byte with the descriptor as SCM_RIGHTS, then
// name\0value\0 for client_address, client_port, server_address, server_port, then one \0.
// smtpd closes its end when it has taken the connection over; until then we keep ours open.
#pragma once

#include <string>

#include "base/core/result.h"
#include "base/net/ip.h"

namespace smtpgate {

/// The bytes of one hand-over; the first of them carries the descriptor.
std::string make_pass_message(const hf::Endpoint& client, const hf::Endpoint& server);

/// Sends the message and `client_fd` over the connected `service_fd` in one sendmsg().
hf::Result<void> send_pass_message(int service_fd, int client_fd, const std::string& message);

}  // namespace smtpgate
