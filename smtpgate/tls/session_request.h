// SPDX-License-Identifier: Apache-2.0
//
// What the gate and smtpgate-tls, its TLS terminator, say to each other. Both are of one version
// and on one machine, so numbers are in host order.
//
// For each client that said STARTTLS the gate sends one message on the control socket
// (SOCK_SEQPACKET) with two descriptors: the client's socket, whose next byte belongs to the TLS
// stream, and one end of a stream socketpair. When the handshake is done the gate reads from its
// own end first kTlsFactsSize bytes, which parse_tls_facts() understands, and then what the client
// sends, in clear. What it writes goes to the client. End of file means close_notify, both ways.
// Where the handshake fails the pair is closed without a byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/core/result.h"
#include "base/os/fd.h"

namespace smtpgate {

/// The descriptor under which smtpgate-tls finds its end of the control socket.
inline constexpr int kTlsControlFd = 3;
/// The length of a connection's id, as the log shows it.
inline constexpr size_t kSessionIdSize = 13;

/// The gate's side: hands over a client that was told "220". `id` is kSessionIdSize printable
/// characters. The terminator gets copies of the descriptors, so the caller closes its own. Never
/// waits: the error's `sys` is EAGAIN where the terminator does not keep up, EPIPE where it is
/// gone. Safe to call from any thread.
hf::Result<void> send_session(int control_fd, std::string_view id, int client_fd, int plain_fd);

/// A client as the terminator receives it.
struct SessionRequest {
  std::string id;
  hf::Fd client;  // the TLS stream
  hf::Fd plain;   // the gate's bytes
};

/// The terminator's side, on a socket that need not be non-blocking: nullopt when the gate has
/// closed its end. The error's `sys` is EAGAIN when no message waits, and 0 for a message that is
/// none of ours, of which nothing stays open.
hf::Result<std::optional<SessionRequest>> receive_session(int control_fd);

/// The id within a control message, if it is one of this version.
hf::Result<std::string> parse_session_message(std::span<const std::byte> bytes);

/// What a handshake agreed on, in OpenSSL's names.
struct TlsFacts {
  std::string protocol;  // "TLSv1.3"
  std::string cipher;    // "TLS_AES_256_GCM_SHA384"
};

inline constexpr size_t kTlsFactsSize = 64;
std::array<std::byte, kTlsFactsSize> encode(const TlsFacts& facts);
/// Reads what encode() wrote; fails on anything else.
hf::Result<TlsFacts> parse_tls_facts(std::span<const std::byte, kTlsFactsSize> bytes);

}  // namespace smtpgate
