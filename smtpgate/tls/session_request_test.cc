// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/tls/session_request.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <doctest/doctest.h>

#include "base/os/process.h"

using namespace smtpgate;

namespace {

constexpr std::string_view kId = "0123456789abc";

std::pair<hf::Fd, hf::Fd> socket_pair(int type) {
  int fds[2];
  REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == 0);
  return {hf::Fd(fds[0]), hf::Fd(fds[1])};
}

constexpr size_t kMessageSize = 20;

/// A control message of version 1.
std::array<std::byte, kMessageSize> message_of(std::string_view id) {
  std::array<std::byte, kMessageSize> bytes{std::byte{1}};
  std::ranges::transform(id, bytes.begin() + 4, [](char c) { return std::byte(c); });
  return bytes;
}

/// The lowest free descriptor, which rises where one is left open.
int lowest_free() {
  return hf::Fd(::fcntl(0, F_DUPFD_CLOEXEC, 0)).get();
}

}  // namespace

TEST_CASE("a client arrives with its id and both descriptors") {
  auto [gate, terminator] = socket_pair(SOCK_SEQPACKET);
  auto [client, client_peer] = socket_pair(SOCK_STREAM);
  auto [plain, plain_peer] = socket_pair(SOCK_STREAM);
  REQUIRE(send_session(gate.get(), kId, client.get(), plain.get()));
  client.reset();
  plain.reset();

  auto request = receive_session(terminator.get());
  REQUIRE(request);
  REQUIRE(*request);
  CHECK((*request)->id == kId);
  CHECK(::fcntl((*request)->client.get(), F_GETFD) == FD_CLOEXEC);
  char byte = 0;
  REQUIRE(::write(client_peer.get(), "c", 1) == 1);
  CHECK(::read((*request)->client.get(), &byte, 1) == 1);
  CHECK(byte == 'c');
  REQUIRE(::write((*request)->plain.get(), "p", 1) == 1);
  CHECK(::read(plain_peer.get(), &byte, 1) == 1);
  CHECK(byte == 'p');
}

TEST_CASE("no message, and an end of the gate, are told apart") {
  auto [gate, terminator] = socket_pair(SOCK_SEQPACKET);
  const auto none = receive_session(terminator.get());
  REQUIRE_FALSE(none);
  CHECK(none.error().sys == EAGAIN);
  gate.reset();
  const auto closed = receive_session(terminator.get());
  REQUIRE(closed);
  CHECK_FALSE(*closed);
}

TEST_CASE("a foreign message is refused and leaves nothing open") {
  auto [gate, terminator] = socket_pair(SOCK_SEQPACKET);
  const std::array<std::byte, kMessageSize> zeros{};
  const int free_before = lowest_free();
  for (const size_t size : {zeros.size(), 1UL}) {
    REQUIRE(hf::send_with_fd(gate.get(), std::span(zeros).first(size), gate.get()));
    const auto refused = receive_session(terminator.get());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().sys == 0);
    CHECK(lowest_free() == free_before);
  }
}

TEST_CASE("a message lacks a descriptor") {
  auto [gate, terminator] = socket_pair(SOCK_SEQPACKET);
  const auto bytes = message_of(kId);
  REQUIRE(parse_session_message(bytes));
  const int free_before = lowest_free();
  for (const int fd : {-1, gate.get()}) {
    REQUIRE(hf::send_with_fd(gate.get(), bytes, fd));
    CHECK_FALSE(receive_session(terminator.get()));
    CHECK(lowest_free() == free_before);
  }
}

TEST_CASE("send_session never waits, and says why it failed") {
  auto [gate, terminator] = socket_pair(SOCK_SEQPACKET);
  auto [client, plain] = socket_pair(SOCK_STREAM);
  hf::Result<void> sent;
  while (sent) sent = send_session(gate.get(), kId, client.get(), plain.get());
  CHECK(sent.error().sys == EAGAIN);
  terminator.reset();
  sent = send_session(gate.get(), kId, client.get(), plain.get());
  REQUIRE_FALSE(sent);
  CHECK((sent.error().sys == EPIPE || sent.error().sys == ECONNRESET));
}

TEST_CASE("an id that would break the log is refused") {
  auto bytes = message_of(kId);
  for (const char bad : {'\n', '\0', ' ', '\x7f', '\xff'}) {
    bytes[9] = std::byte(bad);
    CHECK_FALSE(parse_session_message(bytes));
  }
}

TEST_CASE("the facts of a handshake come back as they were") {
  const TlsFacts facts{"TLSv1.3", "TLS_AES_256_GCM_SHA384"};
  const auto bytes = encode(facts);
  const auto again = parse_tls_facts(bytes);
  REQUIRE(again);
  CHECK(again->protocol == facts.protocol);
  CHECK(again->cipher == facts.cipher);
  for (const size_t at : {0UL, 4UL, 19UL, 20UL, 63UL}) {  // version, texts, paddings
    auto damaged = bytes;
    damaged[at] = std::byte{2};
    CHECK_FALSE(parse_tls_facts(damaged));
  }
}
