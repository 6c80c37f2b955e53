// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/tls/terminator/session.h"

#include <random>

#include <doctest/doctest.h>

#include "smtpgate/tls/terminator/test_lab.h"

using namespace smtpgate;
using namespace smtpgate::test;

namespace {

constexpr size_t kMegabyte = 1024 * 1024;

std::string random_bytes(size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

}  // namespace

TEST_CASE("5 MB arrive unchanged in both directions at once") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Lab lab;
    const auto context = client_context(version);
    auto [client, gate] = lab.connect(*context);
    const std::string up = random_bytes(5 * kMegabyte), down = random_bytes(5 * kMegabyte + 1);
    client.write(up);
    gate.write(down);
    REQUIRE(lab.until(client, gate, [&] {
      return gate.received() == kTlsFactsSize + up.size() && client.received.size() == down.size();
    }));
    CHECK(gate.text() == up);
    CHECK(client.received == down);
    CHECK(gate.facts()->protocol == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
    CHECK(gate.facts()->cipher == SSL_get_cipher_name(client.ssl()));
  }
}

TEST_CASE("records cut small by the client's wish lose nothing") {
  Lab lab;
  const auto context = client_context(TLS1_2_VERSION);
  SSL_CTX_set_tlsext_max_fragment_length(context.get(), TLSEXT_max_fragment_length_512);
  auto [client, gate] = lab.connect(*context);
  const std::string down = random_bytes(kMegabyte);
  gate.write(down);
  REQUIRE(lab.until(client, gate, [&] { return client.received.size() == down.size(); }));
  CHECK(client.received == down);
}

TEST_CASE("the client's close_notify is a half-close for the gate, which goes on") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Lab lab;
    const auto context = client_context(version);
    auto [client, gate] = lab.connect(*context);
    client.write("last words");
    client.half_close();
    REQUIRE(lab.until(client, gate, [&] { return gate.at_end(); }));
    CHECK(gate.text() == "last words");
    CHECK_FALSE(client.at_end());
    if (version == TLS1_2_VERSION) continue;  // there a close_notify ends both directions
    gate.write("221 Bye");
    REQUIRE(lab.until(client, gate, [&] { return client.received == "221 Bye"; }));
    gate.close();
    REQUIRE(lab.until_over(client, gate));
    CHECK(lab.until(client, gate, [&] { return client.at_end(); }));
    CHECK(client.got_close_notify());
  }
}

TEST_CASE("the gate's half-close is a close_notify for the client, which goes on") {
  Lab lab;
  const auto context = client_context();
  auto [client, gate] = lab.connect(*context);
  gate.write("221 Bye");
  REQUIRE(lab.until(client, gate, [&] { return gate.unsent() == 0; }));
  gate.half_close();
  REQUIRE(lab.until(client, gate, [&] { return client.at_end(); }));
  CHECK(client.received == "221 Bye");
  CHECK(client.got_close_notify());
  const std::string up = random_bytes(kMegabyte);
  client.write(up);
  client.half_close();
  REQUIRE(lab.until(client, gate, [&] { return gate.at_end(); }));
  CHECK(gate.text() == up);
  CHECK(lab.until_over(client, gate));
}

TEST_CASE("a reader that stops, stops the writer, and nothing is lost") {
  constexpr size_t kHeld = 256 * 1024;  // what sockets and one record a direction can hold
  Lab lab;
  const auto context = client_context();
  auto [client, gate] = lab.connect(*context);
  REQUIRE(lab.until_established(client, gate));
  const std::string bytes = random_bytes(2 * kMegabyte);

  gate.reading = false;
  client.write(bytes);
  lab.settle(client, gate);
  CHECK(client.sent() < kHeld);
  gate.reading = true;
  REQUIRE(lab.until(client, gate, [&] { return gate.text().size() == bytes.size(); }));
  CHECK(gate.text() == bytes);

  client.reading = false;
  gate.write(bytes);
  lab.settle(client, gate);
  CHECK(bytes.size() - gate.unsent() < kHeld);
  client.reading = true;
  REQUIRE(lab.until(client, gate, [&] { return client.received.size() == bytes.size(); }));
  CHECK(client.received == bytes);
}

TEST_CASE("a client that just closes ends the gate's input too") {
  Lab lab;
  const auto context = client_context();
  auto [client, gate] = lab.connect(*context);
  client.write("QUIT");
  REQUIRE(lab.until(client, gate, [&] { return gate.text() == "QUIT"; }));
  client.vanish();
  REQUIRE(lab.until(client, gate, [&] { return gate.at_end(); }));
  gate.close();
  CHECK(lab.until_over(client, gate));
}

TEST_CASE("a client that vanishes after any byte leaves nothing behind") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Lab lab;
    const auto context = client_context(version);
    bool complete = false;
    for (size_t cut = 0; !complete; ++cut) {
      auto [client, gate] = lab.connect(*context);
      client.budget = cut;
      lab.settle(client, gate);
      REQUIRE(lab.server->sessions() == 1);
      complete = gate.facts().has_value();
      CHECK((complete || gate.received() == 0));
      client.vanish();
      REQUIRE(lab.until(client, gate, [&] { return gate.at_end(); }));
      gate.close();
      REQUIRE(lab.until_over(client, gate));
      REQUIRE(cut < 10'000);
    }
    CHECK(lab.log.has("0123456789abc TLS handshake failed: the client closed the connection\n"));
  }
}

TEST_CASE("a handshake that comes byte by byte is as good as any") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Lab lab;
    const auto context = client_context(version);
    auto [client, gate] = lab.connect(*context);
    client.chunk = 1;
    client.write("EHLO");
    CHECK(lab.until(client, gate, [&] { return gate.text() == "EHLO"; }));
  }
}

TEST_CASE("what is no TLS is refused with OpenSSL's reason, and no facts") {
  const std::pair<std::string, std::string> strangers[] = {
      {"EHLO client.example\r\n", "wrong version number"},
      {"GET / HTTP/1.0\r\n\r\n", "http request"},
      {std::string(300, '\0'), "wrong version number"},
      {"\x16\x03\x01\xff\xff" + std::string(300, 'x'), "packet length too long"},
  };
  for (const auto& [bytes, reason] : strangers) {
    CAPTURE(bytes);
    Lab lab;
    const auto context = client_context();
    auto [client, gate] = lab.connect(*context);
    REQUIRE(::send(client.fd(), bytes.data(), bytes.size(), 0) == std::ssize(bytes));
    REQUIRE(lab.until_over(client, gate));
    CHECK(lab.until(client, gate, [&] { return gate.at_end(); }));
    CHECK(gate.received() == 0);
    CHECK(lab.log.has("TLS handshake failed: " + reason + "\n"));
  }
}

TEST_CASE("a record that was tampered with ends the session, and is not passed on") {
  Lab lab;
  const auto context = client_context();
  auto [client, gate] = lab.connect(*context);
  REQUIRE(lab.until_established(client, gate));
  const std::string forged = "\x17\x03\x03" + std::string("\0\x20", 2) + std::string(32, 'x');
  REQUIRE(::send(client.fd(), forged.data(), forged.size(), 0) == std::ssize(forged));
  REQUIRE(lab.until_over(client, gate));
  CHECK(gate.text().empty());
  CHECK(lab.log.has("TLS session broke: decryption failed or bad record mac"));
}

TEST_CASE("a handshake has 30 s, an established session 10 min without a byte") {
  Lab lab;
  const auto context = client_context();
  {
    auto [client, gate] = lab.connect(*context);
    client.budget = 100;
    lab.settle(client, gate);
    lab.pass_ms(Session::kHandshakeMs - 100);
    CHECK(lab.server->sessions() == 1);
    lab.pass_ms(200);
    CHECK(lab.server->sessions() == 0);
    CHECK(lab.log.has("TLS handshake failed: not done after 30 s"));
  }
  auto [client, gate] = lab.connect(*context);
  REQUIRE(lab.until_established(client, gate));
  lab.settle(client, gate);
  lab.pass_ms(Session::kIdleMs - 100);
  client.write("NOOP");  // puts it off
  lab.settle(client, gate);
  lab.pass_ms(Session::kIdleMs - 100);
  CHECK(lab.server->sessions() == 1);
  lab.pass_ms(200);
  CHECK(lab.server->sessions() == 0);
}

TEST_CASE("a gate that gives up during the handshake ends it") {
  Lab lab;
  const auto context = client_context();
  auto [client, gate] = lab.connect(*context);
  client.budget = 100;
  lab.settle(client, gate);
  gate.close();
  CHECK(lab.until_over(client, gate));
}

TEST_CASE("after the gate, a client is heard for 10 s so that it gets the last reply") {
  Lab lab;
  const auto context = client_context();
  auto [client, gate] = lab.connect(*context);
  REQUIRE(lab.until_established(client, gate));
  client.reading = false;
  gate.write("221 Bye");
  lab.settle(client, gate);
  gate.close();
  client.write(random_bytes(kMegabyte));  // nobody wants it
  lab.settle(client, gate);
  CHECK(lab.server->sessions() == 1);
  CHECK(client.unsent() == 0);
  client.reading = true;
  REQUIRE(lab.until(client, gate, [&] { return client.at_end(); }));
  CHECK(client.received == "221 Bye");
  CHECK(client.got_close_notify());
  lab.pass_ms(Session::kLingerMs - 100);
  client.write("and on");
  lab.settle(client, gate);
  CHECK(lab.server->sessions() == 1);
  lab.pass_ms(200);
  CHECK(lab.server->sessions() == 0);
}
