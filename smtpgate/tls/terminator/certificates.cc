// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/tls/terminator/certificates.h"

#include <ctime>
#include <optional>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/core/text.h"
#include "smtpgate/tls/terminator/tls_error.h"

namespace smtpgate {
namespace {

constexpr int kLeastSecurityBits = 112;  // RSA with 2048 bits; SP 800-57 part 1, table 2

/// PEM text as OpenSSL reads it; it may hold a key, so nothing of it stays in memory.
class PemText {
 public:
  explicit PemText(std::string text)
      : text_(std::move(text)),
        bio_(BIO_new_mem_buf(text_.data(), static_cast<int>(text_.size())), BIO_free) {
    HF_CHECK(bio_ != nullptr, "out of memory");
  }
  PemText(const PemText&) = delete;
  PemText& operator=(const PemText&) = delete;
  ~PemText() { OPENSSL_cleanse(text_.data(), text_.size()); }

  BIO* bio() { return bio_.get(); }

 private:
  std::string text_;
  std::unique_ptr<BIO, decltype(&BIO_free)> bio_;
};

/// Stands for a person at a terminal, whom a daemon does not have.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

hf::Result<std::vector<std::shared_ptr<X509>>> read_chain(const std::string& path,
                                                          const ReadFile& read) {
  HF_TRY_ASSIGN(std::string text, read(path));
  PemText pem(std::move(text));
  std::vector<std::shared_ptr<X509>> chain;
  while (X509* x509 = PEM_read_bio_X509(pem.bio(), nullptr, no_passphrase, nullptr))
    chain.emplace_back(x509, X509_free);
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = tls_error();
  if (chain.empty() && at_end)
    return hf::fail(fmt::format("{}: holds no certificate in PEM", path));
  if (!at_end) return hf::fail(fmt::format("{}: damaged certificate: {}", path, reason));
  return chain;
}

hf::Result<std::shared_ptr<EVP_PKEY>> read_key(const std::string& path, const ReadFile& read) {
  HF_TRY_ASSIGN(std::string text, read(path));
  PemText pem(std::move(text));
  if (EVP_PKEY* key = PEM_read_bio_PrivateKey(pem.bio(), nullptr, no_passphrase, nullptr))
    return std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free);
  const int why = ERR_GET_REASON(ERR_peek_last_error());
  ERR_clear_error();
  if (why == PEM_R_BAD_PASSWORD_READ || why == PEM_R_PROBLEMS_GETTING_PASSWORD)
    return hf::fail(
        fmt::format("{0}: the key is encrypted: store it without passphrase, by "
                    "`openssl pkey -in {0} -out NEW`",
                    path));
  return hf::fail(fmt::format("{}: holds no private key in PEM that can be read", path));
}

/// In Unix seconds; nullopt for a date that is none.
std::optional<int64_t> unix_seconds(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return ::timegm(&parts);
}

std::vector<std::string> warnings_of(X509* x509, EVP_PKEY* key, const std::string& path,
                                     int64_t now) {
  std::vector<std::string> warnings;
  auto warn = [&](std::string what) { warnings.push_back(fmt::format("{}: {}", path, what)); };
  const auto from = unix_seconds(X509_get0_notBefore(x509));
  const auto until = unix_seconds(X509_get0_notAfter(x509));
  if (until && *until < now) warn(fmt::format("expired at {}", hf::format_utc(*until)));
  if (from && *from > now) warn(fmt::format("not valid before {}", hf::format_utc(*from)));
  if (EVP_PKEY_get_security_bits(key) < kLeastSecurityBits)
    warn(fmt::format("weak key of {} bits: use RSA with 2048 or ECDSA with 256",
                     EVP_PKEY_get_bits(key)));
  int signature_bits = 0;
  if (X509_get_signature_info(x509, nullptr, nullptr, &signature_bits, nullptr) == 1 &&
      signature_bits < kLeastSecurityBits)
    warn("weak signature: ask for one with SHA-256");
  ERR_clear_error();
  return warnings;
}

}  // namespace

hf::Result<Certificate> load_certificate(const PairPaths& paths, const ReadFile& read,
                                         int64_t now) {
  Certificate loaded;
  HF_TRY_ASSIGN(loaded.chain, read_chain(paths.certificate, read));
  HF_TRY_ASSIGN(loaded.key, read_key(paths.key, read));
  X509* own = loaded.chain.front().get();
  if (X509_check_private_key(own, loaded.key.get()) != 1) {
    ERR_clear_error();
    return hf::fail(fmt::format("{}: this key does not match the first certificate of {}",
                                paths.key, paths.certificate));
  }
  loaded.warnings = warnings_of(own, loaded.key.get(), paths.certificate, now);
  const auto until = unix_seconds(X509_get0_notAfter(own));
  loaded.summary = fmt::format(
      "{}, {} bits, valid until {}", EVP_PKEY_get0_type_name(loaded.key.get()),
      EVP_PKEY_get_bits(loaded.key.get()), until ? hf::format_utc(*until) : "a date that is none");
  return loaded;
}

}  // namespace smtpgate
