// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/postfix_pass.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include "base/os/process.h"

namespace {

std::pair<hf::Fd, hf::Fd> stream_pair() {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  return {hf::Fd(pair[0]), hf::Fd(pair[1])};
}

}  // namespace

TEST_CASE("the message names client and server as Postfix reads them") {
  // Here '|' stands for NUL.
  auto readable = [](std::string message) {
    std::replace(message.begin(), message.end(), '\0', '|');
    return message;
  };
  CHECK(readable(smtpgate::make_pass_message({hf::IpAddress::v4(0xc0000201), 4711},
                                             {hf::IpAddress::v4(0xc6336401), 25})) ==
        "|client_address|192.0.2.1|client_port|4711|server_address|198.51.100.1|server_port|25||");
  CHECK(
      readable(smtpgate::make_pass_message({*hf::IpAddress::parse("2001:db8::1"), 1},
                                           {*hf::IpAddress::parse("2001:db8::25"), 65535})) ==
      "|client_address|2001:db8::1|client_port|1|server_address|2001:db8::25|server_port|65535||");
}

TEST_CASE("the client's connection arrives with the message, and works there") {
  auto [gate, service] = stream_pair();
  auto [client, accepted] = stream_pair();
  const std::string message =
      smtpgate::make_pass_message({hf::IpAddress::v4(0xc0000201), 4711}, {{}, 25});
  REQUIRE(::send(client.get(), "EHLO early\r\n", 12, 0) == 12);  // unread before the hand-over
  REQUIRE(smtpgate::send_pass_message(gate.get(), accepted.get(), message));
  accepted.reset();

  std::array<std::byte, 256> buffer;
  auto received = hf::receive_with_fd(service.get(), buffer);
  REQUIRE(received);
  CHECK(std::string_view(reinterpret_cast<char*>(buffer.data()), received->size) == message);
  REQUIRE(received->fd);
  char early[64];
  const ssize_t n = ::recv(received->fd.get(), early, sizeof early, 0);
  REQUIRE(n > 0);
  CHECK(std::string_view(early, static_cast<size_t>(n)) == "EHLO early\r\n");
  CHECK(::send(received->fd.get(), "220 hi\r\n", 8, 0) == 8);
  CHECK(::recv(client.get(), early, sizeof early, 0) == 8);
}

TEST_CASE("a service that is gone is an error") {
  auto [gate, service] = stream_pair();
  service.reset();
  CHECK_FALSE(smtpgate::send_pass_message(gate.get(), gate.get(), "x"));
}
