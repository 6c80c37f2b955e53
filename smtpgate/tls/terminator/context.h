// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include <openssl/types.h>

#include "base/core/result.h"
#include "smtpgate/tls/terminator/certificates.h"

namespace smtpgate {

/// What every session of a set of certificates shares: OpenSSL's context, with our policy.
///
/// The policy is that of opportunistic mail (RFC 7435): a client that cannot do better would send
/// in clear. TLS 1.2 and 1.3, only key exchange with forward secrecy, the server's order of
/// ciphers, no renegotiation, no compression, no early data; clients are not asked for
/// certificates. Sessions are resumed by tickets alone, whose keys are nowhere but here.
struct TlsContext {
  std::shared_ptr<SSL_CTX> ssl;
  std::vector<std::string> summaries;  // one per certificate
  std::vector<std::string> warnings;   // of all certificates
};

/// Loads every pair, of which no two may have keys of the same kind.
hf::Result<TlsContext> load_context(std::span<const PairPaths> pairs, const ReadFile& read,
                                    int64_t now);

/// From now on tickets are made with new keys, and those made before resume nothing.
void renew_ticket_keys(SSL_CTX& context);

}  // namespace smtpgate
