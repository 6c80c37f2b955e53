// SPDX-License-Identifier: Apache-2.0
// What a client may negotiate.
#include <doctest/doctest.h>

#include "smtpgate/tls/terminator/test_lab.h"

using namespace smtpgate;
using namespace smtpgate::test;

namespace {

/// Keeps the last ticket that a client got.
int keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* kept = static_cast<SSL_SESSION**>(SSL_get_app_data(ssl));
  SSL_SESSION_free(*kept);
  *kept = session;
  return 1;
}

}  // namespace

TEST_CASE("TLS 1.1 is refused") {
  Lab lab;
  const auto context = client_context(TLS1_1_VERSION);
  auto [client, gate] = lab.connect(*context);
  CHECK(lab.until_over(client, gate));
  CHECK(gate.received() == 0);
  CHECK(lab.log.has("TLS handshake failed: unsupported protocol"));
}

TEST_CASE("a cipher without forward secrecy is refused, one of 2012 is not") {
  Lab lab({make_pair(EVP_RSA_gen(2048))});
  const auto context = client_context(TLS1_2_VERSION);
  REQUIRE(SSL_CTX_set_cipher_list(context.get(), "AES128-GCM-SHA256") == 1);
  {
    auto [client, gate] = lab.connect(*context);
    CHECK(lab.until_over(client, gate));
    CHECK(lab.log.has("TLS handshake failed: no shared cipher"));
  }
  REQUIRE(SSL_CTX_set_cipher_list(context.get(), "ECDHE-RSA-AES256-SHA384") == 1);
  auto [client, gate] = lab.connect(*context);
  REQUIRE(lab.until_established(client, gate));
  CHECK(gate.facts()->cipher == "ECDHE-RSA-AES256-SHA384");
}

TEST_CASE("the server's order of ciphers decides") {
  Lab lab;
  const auto context = client_context(TLS1_2_VERSION);
  REQUIRE(SSL_CTX_set_cipher_list(context.get(),
                                  "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256") == 1);
  auto [client, gate] = lab.connect(*context);
  REQUIRE(lab.until_established(client, gate));
  CHECK(gate.facts()->cipher == "ECDHE-ECDSA-AES128-GCM-SHA256");
}

TEST_CASE("each client gets the certificate that it can check") {
  Lab lab({make_pair(EVP_RSA_gen(2048)), make_ecdsa()});
  const auto context = client_context(TLS1_2_VERSION);
  for (const std::string kind : {"RSA", "ECDSA"}) {
    REQUIRE(SSL_CTX_set_cipher_list(context.get(), ("a" + kind).c_str()) == 1);
    auto [client, gate] = lab.connect(*context);
    REQUIRE(lab.until_established(client, gate));
    CHECK(gate.facts()->cipher.starts_with("ECDHE-" + kind));
  }
}

TEST_CASE("renegotiation is refused, and the session goes on") {
  Lab lab;
  const auto context = client_context(TLS1_2_VERSION);
  auto [client, gate] = lab.connect(*context);
  REQUIRE(lab.until_established(client, gate));
  const size_t before = client.sent();
  REQUIRE(SSL_renegotiate(client.ssl()) == 1);
  CHECK(SSL_do_handshake(client.ssl()) <= 0);
  lab.settle(client, gate);
  CHECK(client.sent() > before);
  CHECK(SSL_renegotiate_pending(client.ssl()) == 1);  // no answer came but the refusal
  CHECK(gate.text().empty());
}

TEST_CASE("a new key of the client's mid-session changes nothing for the gate") {
  Lab lab;
  const auto context = client_context();
  auto [client, gate] = lab.connect(*context);
  REQUIRE(lab.until_established(client, gate));
  REQUIRE(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
  client.write("MAIL");
  gate.write("250");
  CHECK(lab.until(client, gate, [&] { return gate.text() == "MAIL" && client.received == "250"; }));
}

TEST_CASE("tickets resume sessions until their keys are renewed") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Lab lab;
    const auto context = client_context(version);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(context.get(), keep_session);
    SSL_SESSION* ticket = nullptr;
    auto resumed = [&] {
      auto [client, gate] = lab.connect(*context);
      SSL_set_app_data(client.ssl(), &ticket);
      if (ticket != nullptr) SSL_set_session(client.ssl(), ticket);
      REQUIRE(lab.until_established(client, gate));
      client.half_close();       // a session that was torn off is not resumed
      lab.settle(client, gate);  // TLS 1.3 sends its ticket after the handshake
      return SSL_session_reused(client.ssl()) == 1;
    };
    CHECK_FALSE(resumed());
    REQUIRE(ticket != nullptr);
    CHECK(resumed());
    lab.pass_ms(Server::kTicketKeyMs + 100);
    CHECK_FALSE(resumed());
    CHECK(resumed());
    SSL_SESSION_free(ticket);
  }
}
