// SPDX-License-Identifier: Apache-2.0
#include "base/net/http.h"

#include <poll.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/net/tcp.h"

using hf::Fd;

namespace {

struct World {
  hf::ManualClock clock;
  std::unique_ptr<hf::Loop> loop = std::move(*hf::Loop::create(clock));
  hf::Endpoint endpoint;
  std::vector<std::string> paths;  // that the handler was asked for
  std::string body = "answer 42\n";
  std::unique_ptr<hf::HttpServer> server;

  World() {
    auto listener = hf::listen_tcp({hf::IpAddress::v4(0x7f000001), 0}, {});
    REQUIRE(listener.has_value());
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(listener->get(), reinterpret_cast<sockaddr*>(&address), &size);
    endpoint = hf::Endpoint::from_sockaddr(address);
    auto made = hf::HttpServer::create(*loop, std::move(*listener), [this](const auto& request) {
      paths.push_back(request.path);
      return hf::HttpResponse{200, "text/plain", body};
    });
    REQUIRE(made.has_value());
    server = std::move(*made);
  }

  void run_rounds(int rounds) {
    for (int i = 0; i < rounds; ++i) loop->run_once(1);
  }

  Fd connect() {
    auto fd = hf::connect_tcp(endpoint);
    REQUIRE(fd.has_value());
    return std::move(*fd);
  }

  static void send(const Fd& fd, std::string_view text) {
    REQUIRE(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }

  /// All that arrives until the server closes its side, or `rounds` have passed.
  std::string receive(const Fd& fd, int rounds = 2000) {
    std::string text;
    for (int i = 0; i < rounds; ++i) {
      loop->run_once(1);
      char buffer[65'536];
      const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
      if (n > 0) text.append(buffer, static_cast<size_t>(n));
      if (n == 0) return text;
    }
    return text + "[not closed]";
  }

  std::string exchange(std::string_view request) {
    const Fd fd = connect();
    send(fd, request);
    return receive(fd);
  }
};

bool begins(const std::string& text, std::string_view with) {
  return text.rfind(with, 0) == 0;
}
bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("GET gets the handler's answer, whole") {
  World world;
  world.body = std::string(3'000'000, 'x');  // more than a socket's buffers hold
  const std::string response = world.exchange("GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(begins(response, "HTTP/1.1 200 OK\r\n"));
  CHECK(has(response, "Content-Type: text/plain\r\n"));
  CHECK(has(response, "Content-Length: 3000000\r\n"));
  CHECK(has(response, "Connection: close\r\n"));
  CHECK(response.substr(response.find("\r\n\r\n") + 4) == world.body);
  CHECK(world.paths == std::vector<std::string>{"/metrics"});
}

TEST_CASE("HEAD gets the header alone, with the length of what GET would get") {
  World world;
  const std::string response = world.exchange("HEAD / HTTP/1.0\r\n\r\n");
  CHECK(begins(response, "HTTP/1.1 200 OK\r\n"));
  CHECK(has(response, "Content-Length: 10\r\n"));
  CHECK(response.substr(response.size() - 4) == "\r\n\r\n");
}

TEST_CASE("a request may come byte by byte") {
  World world;
  const Fd fd = world.connect();
  for (const char c : std::string("GET /status HTTP/1.1\r\nHost: a\r\n\r\n")) {
    World::send(fd, {&c, 1});
    world.run_rounds(1);
  }
  CHECK(has(world.receive(fd), "answer 42\n"));
  CHECK(world.paths == std::vector<std::string>{"/status"});
}

TEST_CASE("other methods are told what is allowed, also when a body follows") {
  World world;
  const std::string response =
      world.exchange("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" +
                     std::string(20'000, 'x'));
  CHECK(begins(response, "HTTP/1.1 405 "));
  CHECK(has(response, "Allow: GET, HEAD\r\n"));
  CHECK(world.paths.empty());
}

TEST_CASE("what is not HTTP is refused") {
  World world;
  CHECK(begins(world.exchange("EHLO mail.example\r\n\r\n"), "HTTP/1.1 400 "));
  CHECK(begins(world.exchange(std::string(100, '\0') + "\r\n\r\n"), "HTTP/1.1 400 "));
  CHECK(world.paths.empty());
}

TEST_CASE("a header has a limit, in many lines or in one") {
  World world;
  std::string lines = "GET / HTTP/1.1\r\n";
  while (lines.size() < 9000) lines += "X-Filler: 0123456789\r\n";
  CHECK(begins(world.exchange(lines), "HTTP/1.1 431 "));
  CHECK(begins(world.exchange("GET /" + std::string(9000, 'a')), "HTTP/1.1 431 "));
  CHECK(world.paths.empty());
}

TEST_CASE("a connection that dawdles ends at its deadline") {
  World world;
  const Fd fd = world.connect();
  World::send(fd, "GET / HTTP/1.1\r\n");
  world.run_rounds(5);
  world.clock.advance_ms(9900);
  CHECK(world.receive(fd, 5) == "[not closed]");
  world.clock.advance_ms(200);
  CHECK(world.receive(fd).empty());
}

TEST_CASE("a connection over the limit waits for a place") {
  World world;
  std::vector<Fd> idle;
  for (int i = 0; i < 64; ++i) idle.push_back(world.connect());
  world.run_rounds(70);
  const Fd fd = world.connect();
  World::send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(world.receive(fd, 10) == "[not closed]");
  idle.clear();
  world.run_rounds(5);
  world.clock.advance_ms(1000);
  CHECK(has(world.receive(fd), "answer 42\n"));
}

TEST_CASE("the server may go while connections are open") {
  World world;
  const Fd fd = world.connect();
  world.run_rounds(3);
  world.server.reset();
  CHECK(world.receive(fd).empty());
}
