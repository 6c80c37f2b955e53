// SPDX-License-Identifier: Apache-2.0
#include "base/net/resolver.h"

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "base/net/loop.h"

using hf::DnsReply;
using hf::DnsStatus;
using hf::DnsType;
using hf::Fd;
using namespace std::string_literals;

namespace {

/// A DNS server on 127.0.0.1, whose answer is chosen by the first label of the name asked for.
class ScriptedServer {
 public:
  ScriptedServer() {
    // The port that UDP was given may be taken on TCP by someone else.
    do {
      udp_ = bind_any(SOCK_DGRAM, 0);
      tcp_ = bind_any(SOCK_STREAM, endpoint().port);
    } while (!tcp_);
    REQUIRE(::listen(tcp_.get(), 8) == 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedServer() {
    stop_ = true;
    thread_.join();
  }

  hf::Endpoint endpoint() const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(udp_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return hf::Endpoint::from_sockaddr(address);
  }

  std::atomic<int> udp_queries = 0, tcp_queries = 0;

 private:
  static Fd bind_any(int type, uint16_t port) {
    Fd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    sockaddr_storage address;
    const socklen_t size = hf::Endpoint{hf::IpAddress::v4(0x7f000001), port}.to_sockaddr(address);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) fd.reset();
    return fd;
  }

  static std::string label_of(const std::string& query) {
    return query.substr(13, static_cast<unsigned char>(query[12]));
  }

  static std::string reply(const std::string& query, int rcode, int answers, int authorities,
                           const std::string& records) {
    std::string out = query;
    out[2] |= '\x80';
    out[3] = static_cast<char>(0x80 | rcode);
    out[7] = static_cast<char>(answers);
    out[9] = static_cast<char>(authorities);
    return out + records;
  }

  static std::string listed(const std::string& query) {
    return reply(query, 0, 1, 0, "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\x7f\0\0\2"s);
  }

  // What goes out by UDP for the `seen`th query of its name; a message each.
  static std::vector<std::string> script(const std::string& query, int seen) {
    const std::string label = label_of(query);
    if (label == "never" || (label == "lossy" && seen == 1)) return {};
    if (label == "servfail") return {reply(query, 2, 0, 0, "")};
    if (label == "refused") return {reply(query, 5, 0, 0, "")};
    if (label == "nx")
      return {reply(query, 3, 0, 1,
                    "\xc0\x0c\0\6\0\1\0\0\3\x84\0\x16\0\0"s + std::string(18, '\0') + "\0\x3c"s)};
    std::string answer = listed(query);
    if (label == "big") {
      answer[2] |= 2;
      return {answer};
    }
    if (label == "wrongid") {
      std::string forged = reply(query, 0, 1, 0, "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\x7f\0\0\x63"s);
      forged[0] = static_cast<char>(forged[0] + 1);
      return {forged, answer};
    }
    return {answer};
  }

  void serve() {
    std::map<std::string, int> seen;
    while (!stop_) {
      pollfd fds[] = {{udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}};
      if (::poll(fds, 2, 10) <= 0) continue;
      if (fds[0].revents) {
        char buffer[512];
        sockaddr_storage from;
        socklen_t size = sizeof from;
        auto* const peer = reinterpret_cast<sockaddr*>(&from);
        const ssize_t n = ::recvfrom(udp_.get(), buffer, sizeof buffer, 0, peer, &size);
        if (n < 17) continue;
        ++udp_queries;
        const std::string query(buffer, static_cast<size_t>(n));
        for (const auto& out : script(query, ++seen[label_of(query)]))
          ::sendto(udp_.get(), out.data(), out.size(), 0, peer, size);
      }
      if (fds[1].revents) {
        const Fd peer(::accept(tcp_.get(), nullptr, nullptr));
        char buffer[512];
        const ssize_t n = ::recv(peer.get(), buffer, sizeof buffer, 0);
        if (n < 19) continue;
        ++tcp_queries;
        const std::string out = listed(std::string(buffer + 2, static_cast<size_t>(n) - 2));
        const std::string framed = "\0"s + static_cast<char>(out.size()) + out;
        ::send(peer.get(), framed.data(), framed.size(), MSG_NOSIGNAL);
      }
    }
  }

  Fd udp_, tcp_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

struct World {
  ScriptedServer server;
  std::unique_ptr<hf::Loop> loop = std::move(*hf::Loop::create());
  std::unique_ptr<hf::Resolver> resolver;

  World() { use({server.endpoint()}); }

  void use(std::vector<hf::Endpoint> servers) {
    auto made = hf::make_cares_resolver(
        *loop, {.servers = std::move(servers), .timeout_ms = 1000, .retransmit_ms = 200});
    REQUIRE(made.has_value());
    resolver = std::move(*made);
  }

  DnsReply ask(const std::string& name, DnsType type = DnsType::kA) {
    std::vector<DnsReply> replies;
    resolver->ask(name, type, [&](const DnsReply& reply) { replies.push_back(reply); });
    CHECK(replies.empty());  // never from inside ask()
    for (int i = 0; i < 500 && replies.empty(); ++i) loop->run_once(20);
    for (int i = 0; i < 3; ++i) loop->run_once(0);
    REQUIRE(replies.size() == 1);
    return replies[0];
  }
};

}  // namespace

TEST_CASE("an answer") {
  World world;
  const DnsReply reply = world.ask("answer.list.example");
  CHECK(reply.status == DnsStatus::kAnswer);
  CHECK(reply.ttl_s == 300);
  REQUIRE(reply.addresses.size() == 1);
  CHECK(reply.addresses[0].to_string() == "127.0.0.2");
}

TEST_CASE("a denial brings its time to live along") {
  World world;
  const DnsReply reply = world.ask("nx.list.example");
  CHECK(reply.status == DnsStatus::kNoData);
  CHECK(reply.ttl_s == 60);
}

TEST_CASE("errors of the server are failures") {
  World world;
  CHECK(world.ask("servfail.list.example").status == DnsStatus::kFailed);
  CHECK(world.ask("refused.list.example").status == DnsStatus::kFailed);
}

TEST_CASE("silence ends with the asker's patience, however many servers there are") {
  World world;
  const hf::Endpoint other{*hf::IpAddress::parse("127.0.0.1"), world.server.endpoint().port};
  world.use({world.server.endpoint(), other, other});
  const uint64_t start = hf::system_clock().steady_ms();
  CHECK(world.ask("never.list.example").status == DnsStatus::kTimeout);
  const uint64_t took = hf::system_clock().steady_ms() - start;
  CHECK(took >= 500);
  CHECK(took < 1500);
  CHECK(world.server.udp_queries > 1);
}

TEST_CASE("a lost query is sent again") {
  World world;
  CHECK(world.ask("lossy.list.example").status == DnsStatus::kAnswer);
  CHECK(world.server.udp_queries == 2);
}

TEST_CASE("a reply with another identifier is not believed") {
  World world;
  const DnsReply reply = world.ask("wrongid.list.example");
  REQUIRE(reply.addresses.size() == 1);
  CHECK(reply.addresses[0].to_string() == "127.0.0.2");
}

TEST_CASE("a truncated reply is asked for again by TCP") {
  World world;
  CHECK(world.ask("big.list.example").status == DnsStatus::kAnswer);
  CHECK(world.server.tcp_queries == 1);
}

TEST_CASE("a name that cannot be asked for fails, but not inside ask()") {
  World world;
  CHECK(world.ask(std::string(70, 'a') + ".example").status == DnsStatus::kFailed);
  CHECK(world.ask("a..example").status == DnsStatus::kFailed);
  CHECK(world.ask("..").status == DnsStatus::kFailed);
  CHECK(world.server.udp_queries == 0);
}

TEST_CASE("a server that is not there is a failure") {
  World world;
  world.use({{*hf::IpAddress::parse("127.0.0.1"), 1}});
  CHECK(world.ask("answer.list.example").status == DnsStatus::kFailed);
}

TEST_CASE("a callback may ask on, and thousands of questions are all answered once") {
  World world;
  int left = 3000, answers = 0;
  std::function<void(const DnsReply&)> next = [&](const DnsReply& reply) {
    answers += reply.status == DnsStatus::kAnswer;
    if (left-- > 0)
      world.resolver->ask("answer.list.example", DnsType::kA, next);
    else
      world.loop->stop();
  };
  for (int i = 0; i < 50; ++i) world.resolver->ask("answer.list.example", DnsType::kA, next);
  world.loop->run();
  CHECK(answers > 2990);
}

TEST_CASE("destroying the resolver drops what is under way") {
  World world;
  bool called = false;
  world.resolver->ask("never.list.example", DnsType::kA, [&](const DnsReply&) { called = true; });
  world.resolver->ask("a..example", DnsType::kA, [&](const DnsReply&) { called = true; });
  world.resolver.reset();
  world.loop->run_once(150);
  CHECK_FALSE(called);
}
