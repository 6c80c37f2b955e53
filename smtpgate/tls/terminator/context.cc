// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/tls/terminator/context.h"

#include <array>
#include <iterator>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include "smtpgate/tls/terminator/tls_error.h"

namespace smtpgate {
namespace {

// AEAD first; CBC last, for mail servers of 2012 that know no other TLS 1.2.
constexpr const char* kTls12Ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL";
// None of the finite-field groups of TLS 1.3: a client could choose how much they cost us.
constexpr const char* kGroups = "X25519:P-256:P-384:P-521";
// Level 2 would refuse clients and certificates that are still better than no encryption.
constexpr int kSecurityLevel = 1;

std::shared_ptr<SSL_CTX> make_context() {
  std::shared_ptr<SSL_CTX> made(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX* context = made.get();
  HF_CHECK(context != nullptr, "out of memory");
  SSL_CTX_set_security_level(context, kSecurityLevel);
  const bool known = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                     SSL_CTX_set_cipher_list(context, kTls12Ciphers) == 1 &&
                     SSL_CTX_set1_groups_list(context, kGroups) == 1;
  HF_CHECK(known, "OpenSSL lacks the policy's algorithms");
  // Many clients just close. Where a message ends is SMTP's to say, not the close_notify's.
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  // What is not yet asked for stays in the kernel, where epoll sees it.
  SSL_CTX_set_read_ahead(context, 0);
  return made;
}

hf::Result<void> use(SSL_CTX* context, const Certificate& certificate) {
  const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> others(
      sk_X509_new_null(), [](STACK_OF(X509) * stack) { sk_X509_free(stack); });
  for (size_t i = 1; i < certificate.chain.size(); ++i)
    sk_X509_push(others.get(), certificate.chain[i].get());
  constexpr int kReplace = 0;
  if (SSL_CTX_use_cert_and_key(context, certificate.chain.front().get(), certificate.key.get(),
                               others.get(), kReplace) == 1)
    return {};
  const bool second = ERR_GET_REASON(ERR_peek_error()) == SSL_R_NOT_REPLACING_CERTIFICATE;
  const std::string reason = tls_error();
  return hf::fail(second ? "there is another certificate with a key of this kind: name one of each"
                         : reason);
}

}  // namespace

hf::Result<TlsContext> load_context(std::span<const PairPaths> pairs, const ReadFile& read,
                                    int64_t now) {
  TlsContext loaded{make_context(), {}, {}};
  for (const PairPaths& paths : pairs) {
    HF_TRY_ASSIGN(Certificate certificate, load_certificate(paths, read, now));
    if (auto used = use(loaded.ssl.get(), certificate); !used)
      return hf::fail(std::move(used).error().within(paths.certificate));
    loaded.summaries.push_back(fmt::format("{}: {}", paths.certificate, certificate.summary));
    for (std::string& warning : certificate.warnings) loaded.warnings.push_back(std::move(warning));
  }
  return loaded;
}

void renew_ticket_keys(SSL_CTX& context) {
  std::array<unsigned char, 80> keys;
  const bool fits = SSL_CTX_get_tlsext_ticket_keys(&context, nullptr, 0) == std::ssize(keys);
  HF_CHECK(fits && RAND_priv_bytes(keys.data(), keys.size()) == 1, "no random keys");
  HF_CHECK(SSL_CTX_set_tlsext_ticket_keys(&context, keys.data(), keys.size()) == 1, "ticket keys");
  OPENSSL_cleanse(keys.data(), keys.size());
}

}  // namespace smtpgate
