// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace smtpgate {

/// What a client that spoke before the greeting seems to speak.
enum class FirstBytes : uint8_t {
  kNothing,
  kSmtp,      // a verb of RFC 5321 or its extensions
  kTls,       // a TLS handshake record (16 03)
  kHttp,      // a request line or method of HTTP
  kSsh,       // "SSH-"
  kRdp,       // TPKT (03 00)
  kProxy,     // a PROXY header from a host that is not a listed balancer
  kText,      // other printable text
  kBinary,    // anything else
};

/// Classifies by at most the first 64 bytes; needs as few as one.
FirstBytes classify_first_bytes(std::string_view bytes);
/// "smtp", "tls", "http", …; used in logs and as the `class` label of metrics.
std::string_view name_of(FirstBytes kind);

}  // namespace smtpgate
