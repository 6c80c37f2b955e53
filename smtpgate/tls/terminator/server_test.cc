// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/tls/terminator/server.h"

#include <filesystem>
#include <iterator>

#include <doctest/doctest.h>

#include "base/os/process.h"
#include "smtpgate/tls/terminator/test_lab.h"

using namespace smtpgate;
using namespace smtpgate::test;

namespace {

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

std::string certificate_of(Client& client) {
  const std::unique_ptr<X509, decltype(&X509_free)> x509(SSL_get1_peer_certificate(client.ssl()),
                                                         X509_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  REQUIRE(PEM_write_bio_X509(bio.get(), x509.get()) == 1);
  return text_of(bio.get());
}

}  // namespace

TEST_CASE("a thousand sessions leave no descriptor open") {
  Lab lab;
  const auto context = client_context();
  const auto before = open_descriptors();
  for (int i = 0; i < 1000; ++i) {
    auto [client, gate] = lab.connect(*context);
    if (i % 4 == 0) client.vanish();
    if (i % 4 == 1) client.budget = 100;  // within the ClientHello
    client.write("QUIT");
    gate.write("221");
    lab.settle(client, gate);
    if (i % 4 >= 2) REQUIRE(client.received == "221");
    if (i % 4 == 3) client.half_close();
    gate.close();
    lab.settle(client, gate);
    client.vanish();
    REQUIRE(lab.until_over(client, gate));
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("many sessions at once do not mix") {
  Lab lab;
  const auto context = client_context();
  std::vector<std::pair<Client, Gate>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(lab.connect(*context));
    all.back().first.write("up " + std::to_string(i));
    all.back().second.write("down " + std::to_string(i));
  }
  for (int round = 0; round < 100; ++round) {
    lab.loop->run_once(0);
    for (auto& [client, gate] : all) {
      client.step();
      gate.step();
    }
  }
  for (size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].second.text() == "up " + std::to_string(i));
    CHECK(all[i].first.received == "down " + std::to_string(i));
  }
}

TEST_CASE("a reload serves the new certificate to new sessions") {
  Lab lab;
  const auto context = client_context();
  auto [old_client, old_gate] = lab.connect(*context);
  REQUIRE(lab.until_established(old_client, old_gate));
  const PemPair renewed = make_ecdsa();
  lab.files = {{"cert0", renewed.certificate}, {"key0", renewed.key}};
  lab.server->reload();

  auto [client, gate] = lab.connect(*context);
  REQUIRE(lab.until_established(client, gate));
  CHECK(certificate_of(client) == renewed.certificate);
  CHECK(certificate_of(old_client) != renewed.certificate);
  old_client.write("NOOP");
  CHECK(lab.until(old_client, old_gate, [&old = old_gate] { return old.text() == "NOOP"; }));
}

TEST_CASE("a bad reload keeps the old certificate and says why") {
  Lab lab;
  const std::string served = lab.files["cert0"];
  const auto context = client_context();
  const std::pair<std::string, std::string> bad[] = {
      {"", "keeping the old certificates: cert0: holds no certificate"},
      {make_ecdsa().certificate, "keeping the old certificates: key0: this key does not match"},
  };
  for (const auto& [certificate, message] : bad) {
    lab.files["cert0"] = certificate;
    lab.server->reload();
    CHECK(lab.log.has(message));
    auto [client, gate] = lab.connect(*context);
    REQUIRE(lab.until_established(client, gate));
    CHECK(certificate_of(client) == served);
  }
}

TEST_CASE("a foreign message is told and does no harm") {
  Lab lab;
  const std::byte nonsense[] = {std::byte{1}, std::byte{2}};
  REQUIRE(hf::send_with_fd(lab.control.get(), nonsense, -1));
  const auto context = client_context();
  auto [client, gate] = lab.connect(*context);
  CHECK(lab.until_established(client, gate));
  CHECK(lab.log.has("control message: wrong size"));
}

TEST_CASE("a stop lets sessions end, and takes no new ones") {
  Lab lab;
  const auto context = client_context();
  auto [client, gate] = lab.connect(*context);
  REQUIRE(lab.until_established(client, gate));
  lab.server->stop();
  CHECK_FALSE(send_session(lab.control.get(), "0123456789abc", 0, 0));
  client.write("QUIT");
  REQUIRE(lab.until(client, gate, [&g = gate] { return g.text() == "QUIT"; }));
  client.vanish();
  gate.close();
  lab.loop->run();  // which ends by itself
  CHECK(lab.server->sessions() == 0);
}

TEST_CASE("a stop waits no longer than 30 s") {
  Lab lab;
  const auto context = client_context();
  auto [client, gate] = lab.connect(*context);
  REQUIRE(lab.until_established(client, gate));
  lab.server->stop();
  lab.pass_ms(Server::kDrainMs + 100);
  lab.loop->run();  // which ends by itself
  CHECK(lab.server->sessions() == 1);
}

TEST_CASE("a gate that is gone stops the server") {
  Lab lab;
  lab.control.reset();
  lab.loop->run();  // which ends by itself
  CHECK(lab.server->sessions() == 0);
}
