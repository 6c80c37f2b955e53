// SPDX-License-Identifier: Apache-2.0
//
// For tests: certificates made on the spot, and a TLS client that is stepped by hand.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/core/result.h"
#include "base/os/fd.h"

namespace smtpgate::test {

struct PemPair {
  std::string certificate;
  std::string key;
};

inline std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

/// A self-signed certificate with `key`, valid between two moments counted in days from now.
inline PemPair make_pair(EVP_PKEY* key, long from_days = -1, long until_days = 30,
                         const EVP_MD* digest = EVP_sha256()) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> owned(key, EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> x509(X509_new(), X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), from_days * 86400);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), until_days * 86400);
  X509_NAME* name = X509_get_subject_name(x509.get());
  const auto* host = reinterpret_cast<const unsigned char*>("mx.test");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0);
  X509_set_issuer_name(x509.get(), name);
  X509_set_pubkey(x509.get(), key);
  HF_CHECK(X509_sign(x509.get(), key, digest) > 0, "signing");

  const std::unique_ptr<BIO, decltype(&BIO_free)> certificate(BIO_new(BIO_s_mem()), BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> secret(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(certificate.get(), x509.get());
  PEM_write_bio_PrivateKey(secret.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(certificate.get()), text_of(secret.get())};
}

inline PemPair make_ecdsa() {
  return make_pair(EVP_EC_gen("P-256"));
}

inline std::pair<hf::Fd, hf::Fd> socket_pair(int type) {
  int fds[2];
  HF_CHECK(::socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0, "socketpair");
  return {hf::Fd(fds[0]), hf::Fd(fds[1])};
}

using ClientContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

inline ClientContext client_context(int version = TLS1_3_VERSION) {
  ClientContext context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  return context;
}

/// A client whose every step is the test's: what TLS produces waits in memory until the socket
/// takes it, at most `chunk` bytes a step and `budget` bytes in all.
class Client {
 public:
  Client(SSL_CTX& context, hf::Fd socket)
      : socket_(std::move(socket)), ssl_(SSL_new(&context), SSL_free) {
    SSL_set_bio(ssl_.get(), from_server_ = BIO_new(BIO_s_mem()), to_server_ = BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(from_server_, -1);  // empty is not the end
    SSL_set_connect_state(ssl_.get());
  }

  /// Does what can be done now; returns whether any byte moved.
  bool step() {
    bool moved = reading && receive();
    if (!established_) established_ = SSL_do_handshake(ssl_.get()) == 1;
    if (established_) moved |= talk();
    return send() || moved;
  }

  void write(std::string_view text) { unsent_ += text; }
  /// Sends close_notify once all is written.
  void half_close() { closing_ = true; }
  void vanish() { socket_.reset(); }

  SSL* ssl() { return ssl_.get(); }
  int fd() const { return socket_.get(); }
  bool established() const { return established_; }
  bool got_close_notify() const {
    return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  /// The server has closed the socket, or its half of it.
  bool at_end() const { return at_end_; }
  size_t sent() const { return sent_; }
  size_t unsent() const { return unsent_.size(); }

  std::string received;
  bool reading = true;
  size_t chunk = 65536;
  size_t budget = SIZE_MAX;

 private:
  bool receive() {
    char buffer[65536];
    const ssize_t n = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    at_end_ |= n == 0 || (n < 0 && errno != EAGAIN);
    if (n > 0) BIO_write(from_server_, buffer, static_cast<int>(n));
    return n > 0;
  }

  bool talk() {
    bool moved = false;
    char buffer[16384];
    for (int n; (n = SSL_read(ssl_.get(), buffer, sizeof buffer)) > 0; moved = true)
      received.append(buffer, static_cast<size_t>(n));
    if (BIO_pending(to_server_) > 65536) return moved;
    if (!unsent_.empty()) {
      const auto size = std::min<size_t>(unsent_.size(), 16384);
      if (SSL_write(ssl_.get(), unsent_.data(), static_cast<int>(size)) <= 0) return moved;
      unsent_.erase(0, size);
      return true;
    }
    if (std::exchange(closing_, false)) SSL_shutdown(ssl_.get());
    return moved;
  }

  bool send() {
    char* data = nullptr;
    const auto pending = static_cast<size_t>(BIO_get_mem_data(to_server_, &data));
    const size_t size = std::min({pending, chunk, budget - sent_});
    if (size == 0) return false;
    const ssize_t n = ::send(socket_.get(), data, size, MSG_NOSIGNAL);
    if (n <= 0) return false;
    std::string gone(static_cast<size_t>(n), '\0');
    BIO_read(to_server_, gone.data(), static_cast<int>(n));
    sent_ += static_cast<size_t>(n);
    return true;
  }

  hf::Fd socket_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  BIO* from_server_ = nullptr;
  BIO* to_server_ = nullptr;
  std::string unsent_;
  bool established_ = false;
  bool closing_ = false;
  bool at_end_ = false;
  size_t sent_ = 0;
};

}  // namespace smtpgate::test
