// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/tls/terminator/certificates.h"

#include <ctime>
#include <map>

#include <doctest/doctest.h>

#include "smtpgate/tls/terminator/context.h"
#include "smtpgate/tls/terminator/test_tls.h"

using namespace smtpgate;
using namespace smtpgate::test;

namespace {

const PairPaths kPaths{"cert.pem", "key.pem"};

hf::Result<Certificate> load(const std::string& certificate, const std::string& key) {
  return load_certificate(
      kPaths,
      [&](const std::string& path) -> hf::Result<std::string> {
        return path == kPaths.certificate ? certificate : key;
      },
      std::time(nullptr));
}
hf::Result<Certificate> load(const PemPair& pair) {
  return load(pair.certificate, pair.key);
}

std::string error_of(const hf::Result<Certificate>& result) {
  REQUIRE_FALSE(result);
  return result.error().message;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a pair is loaded with its chain") {
  const PemPair own = make_ecdsa(), issuer = make_ecdsa();
  const auto loaded = load("comment\n" + own.certificate + issuer.certificate, own.key);
  REQUIRE(loaded);
  CHECK(loaded->chain.size() == 2);
  CHECK(loaded->summary.starts_with("EC, 256 bits, valid until 2"));
  CHECK(loaded->warnings.empty());
}

TEST_CASE("certificate and key may be one file") {
  const PemPair pair = make_ecdsa();
  CHECK(load(pair.key + pair.certificate, pair.key + pair.certificate));
}

TEST_CASE("what cannot be served is told with its file") {
  const PemPair pair = make_ecdsa(), other = make_ecdsa();
  CHECK(error_of(load(pair.certificate, other.key)) ==
        "key.pem: this key does not match the first certificate of cert.pem");
  CHECK(error_of(load(pair.key, pair.key)) == "cert.pem: holds no certificate in PEM");
  CHECK(error_of(load("", "")) == "cert.pem: holds no certificate in PEM");
  CHECK(error_of(load(pair.certificate, pair.certificate)) ==
        "key.pem: holds no private key in PEM that can be read");
  const auto damaged = pair.certificate + other.certificate.substr(0, 300);
  CHECK(contains(error_of(load(damaged, pair.key)), "cert.pem: damaged certificate: "));

  const auto missing = load_certificate(
      kPaths, [](const std::string& path) { return hf::fail(path + ": missing"); }, 0);
  CHECK(error_of(missing) == "cert.pem: missing");
}

TEST_CASE("a key with a passphrase is told with the remedy") {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  const unsigned char phrase[] = "phrase";
  REQUIRE(PEM_write_bio_PrivateKey(bio.get(), key, EVP_aes_128_cbc(), phrase, 6, nullptr,
                                   nullptr) == 1);
  const PemPair pair = make_pair(key);
  CHECK(contains(error_of(load(pair.certificate, text_of(bio.get()))), "key is encrypted"));
}

TEST_CASE("expired, early and weak certificates are served with a warning") {
  const std::pair<PemPair, std::string> cases[] = {
      {make_pair(EVP_EC_gen("P-256"), -10, -1), "cert.pem: expired at 2"},
      {make_pair(EVP_EC_gen("P-256"), 1, 10), "cert.pem: not valid before 2"},
      {make_pair(EVP_RSA_gen(1024)), "cert.pem: weak key of 1024 bits"},
      {make_pair(EVP_EC_gen("P-256"), -1, 10, EVP_sha1()), "cert.pem: weak signature"},
  };
  for (const auto& [pair, warning] : cases) {
    const auto loaded = load(pair);
    REQUIRE(loaded);
    REQUIRE(loaded->warnings.size() == 1);
    CHECK(loaded->warnings.front().starts_with(warning));
  }
}

TEST_CASE("a context takes one certificate of each kind of key") {
  const PemPair ecdsa = make_ecdsa(), rsa = make_pair(EVP_RSA_gen(2048)), second = make_ecdsa();
  const std::map<std::string, std::string> files = {
      {"e.crt", ecdsa.certificate}, {"e.key", ecdsa.key},          {"r.crt", rsa.certificate},
      {"r.key", rsa.key},           {"s.crt", second.certificate}, {"s.key", second.key}};
  const auto read = [&](const std::string& path) -> hf::Result<std::string> {
    return files.at(path);
  };
  const PairPaths pairs[] = {{"e.crt", "e.key"}, {"r.crt", "r.key"}, {"s.crt", "s.key"}};
  const auto two = load_context(std::span(pairs).first(2), read, std::time(nullptr));
  REQUIRE(two);
  CHECK(two->summaries.size() == 2);
  const auto three = load_context(pairs, read, std::time(nullptr));
  REQUIRE_FALSE(three);
  CHECK(three.error().message ==
        "s.crt: there is another certificate with a key of this kind: name one of each");
}
