// SPDX-License-Identifier: Apache-2.0
#include "base/net/tcp.h"

#include <fcntl.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using hf::Endpoint;
using hf::Fd;
using hf::IpAddress;

namespace {

IpAddress ip(const std::string& text) {
  return *IpAddress::parse(text);
}

Endpoint local_name(const Fd& fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return Endpoint::from_sockaddr(address);
}

Fd must_listen(const Endpoint& endpoint, bool reuse_port = false) {
  auto fd = hf::listen_tcp(endpoint, {.reuse_port = reuse_port});
  REQUIRE_MESSAGE(fd.has_value(), (fd ? "" : fd.error().message));
  return std::move(*fd);
}

void wait_writable(const Fd& fd) {
  pollfd wanted{fd.get(), POLLOUT, 0};
  REQUIRE(::poll(&wanted, 1, 5000) == 1);
}

/// The position of the listener that gets a connection from `source`.
size_t listener_met_by(const std::vector<Fd>& group, const IpAddress& source) {
  sockaddr_storage address;
  socklen_t size = Endpoint{source, 0}.to_sockaddr(address);
  const Fd client(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(client.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  size = local_name(group[0]).to_sockaddr(address);
  REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);

  std::vector<pollfd> wanted;
  for (const Fd& fd : group) wanted.push_back({fd.get(), POLLIN, 0});
  REQUIRE(::poll(wanted.data(), wanted.size(), 5000) == 1);
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].revents == 0) continue;
    const Fd accepted(::accept(wanted[i].fd, nullptr, nullptr));
    return i;
  }
  return group.size();
}

std::vector<Fd> steered_group(const IpAddress& address, uint32_t sockets) {
  std::vector<Fd> group;
  group.push_back(must_listen({address, 0}, true));
  while (group.size() < sockets) group.push_back(must_listen(local_name(group[0]), true));
  const auto steered = hf::steer_by_network(group[0].get(), address.is_v4(), sockets);
  REQUIRE_MESSAGE(steered.has_value(), (steered ? "" : steered.error().message));
  return group;
}

/// A network namespace of this thread's own while it lives, where any address may be had.
class OwnNetwork {
 public:
  OwnNetwork() : former_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    entered_ = ::unshare(CLONE_NEWNET) == 0;
    if (!entered_) return;
    ifreq loopback{{"lo"}, {}};
    const Fd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    loopback.ifr_flags = IFF_UP;
    REQUIRE(::ioctl(control.get(), SIOCSIFFLAGS, &loopback) == 0);
  }
  ~OwnNetwork() {
    if (entered_) ::setns(former_.get(), CLONE_NEWNET);
  }
  bool entered() const { return entered_; }

  void add_address(const IpAddress& address) const {
    in6_ifreq request{};
    std::ranges::copy(address.bytes(), request.ifr6_addr.s6_addr);
    request.ifr6_prefixlen = 128;
    request.ifr6_ifindex = 1;  // loopback is the first interface of any namespace
    const Fd control(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    REQUIRE(::ioctl(control.get(), SIOCSIFADDR, &request) == 0);
    // The kernel is done with it a moment later.
    sockaddr_storage name;
    const socklen_t size = Endpoint{address, 0}.to_sockaddr(name);
    while (::bind(control.get(), reinterpret_cast<sockaddr*>(&name), size) != 0) {
      REQUIRE(errno == EADDRNOTAVAIL);
      ::usleep(1000);
    }
  }

 private:
  Fd former_;
  bool entered_;
};

}  // namespace

TEST_CASE("a listener and a connection to it do not block and are not inherited") {
  const Fd listener = must_listen({ip("127.0.0.1"), 0});
  auto client = hf::connect_tcp(local_name(listener));
  REQUIRE(client.has_value());
  for (const int fd : {listener.get(), client->get()}) {
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  }
  wait_writable(*client);
  CHECK(hf::connect_result(client->get()).has_value());
}

TEST_CASE("a refused connection is told by connect_result") {
  Endpoint gone;
  {
    const Fd listener = must_listen({ip("127.0.0.1"), 0});
    gone = local_name(listener);
  }
  auto client = hf::connect_tcp(gone);
  REQUIRE(client.has_value());
  wait_writable(*client);
  const auto result = hf::connect_result(client->get());
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().sys == ECONNREFUSED);
}

TEST_CASE("what hinders listening is named, with a remedy") {
  const Fd listener = must_listen({ip("127.0.0.1"), 0});
  const auto taken = hf::listen_tcp(local_name(listener), {});
  REQUIRE_FALSE(taken.has_value());
  CHECK(taken.error().sys == EADDRINUSE);
  CHECK(taken.error().message.find("cannot listen on 127.0.0.1:") == 0);
  CHECK(taken.error().message.find("ss -ltnp") != std::string::npos);

  const auto foreign = hf::listen_tcp({ip("192.0.2.1"), 0}, {});
  REQUIRE_FALSE(foreign.has_value());
  CHECK(foreign.error().message.find("must be an address of this machine") != std::string::npos);
}

TEST_CASE("IPv6 leaves the port to IPv4") {
  const Fd v6 = must_listen({ip("::"), 0});
  CHECK(hf::listen_tcp({ip("0.0.0.0"), local_name(v6).port}, {}).has_value());
}

TEST_CASE("unix sockets") {
  char folder[] = "/tmp/tcp_test.XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string path = std::string(folder) + "/socket";
  const auto missing = hf::connect_unix(path);
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().sys == ENOENT);
  CHECK(missing.error().message == "cannot connect to " + path + ": No such file or directory");
  CHECK(hf::connect_unix(std::string(108, 'x')).error().sys == ENAMETOOLONG);

  const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener.get(), 0) == 0);
  const auto first = hf::connect_unix(path);
  CHECK(first.has_value());
  CHECK(hf::connect_unix(path).error().sys == EAGAIN);
  ::unlink(path.c_str());
  ::rmdir(folder);
}

TEST_CASE("kernel and user space agree on who owns an IPv4 network") {
  constexpr uint32_t kSockets = 5;
  const auto group = steered_group(ip("127.0.0.1"), kSockets);
  std::set<size_t> met;
  for (int i = 0; i < 60; ++i) {
    const IpAddress source = IpAddress::v4(0x7f000001 + static_cast<uint32_t>(i) * 0x010203);
    const size_t index = listener_met_by(group, source);
    INFO(source.to_string());
    CHECK(index == hf::steering_index(source, kSockets));
    met.insert(index);
  }
  CHECK(met.size() == kSockets);
  // Neighbours in a /24 share an owner.
  const size_t owner = listener_met_by(group, ip("127.1.2.3"));
  for (const char* neighbour : {"127.1.2.4", "127.1.2.77", "127.1.2.254"})
    CHECK(listener_met_by(group, ip(neighbour)) == owner);
}

TEST_CASE("kernel and user space agree on who owns an IPv6 network") {
  const OwnNetwork network;
  if (!network.entered()) {
    MESSAGE("not root: only ::1 is there to connect from");
    const auto group = steered_group(ip("::1"), 3);
    CHECK(listener_met_by(group, ip("::1")) == hf::steering_index(ip("::1"), 3));
    return;
  }
  constexpr uint32_t kSockets = 5;
  const auto group = steered_group(ip("::1"), kSockets);
  std::set<size_t> met;
  for (uint8_t i = 0; i < 40; ++i) {
    const auto high = static_cast<uint8_t>(i * 59);
    const IpAddress source =
        IpAddress::v6({0x20, 1, 0x0d, 0xb8, high, i, 0, i, 9, 0, i, 0, 0, 0, 0, 1});
    network.add_address(source);
    const size_t index = listener_met_by(group, source);
    INFO(source.to_string());
    CHECK(index == hf::steering_index(source, kSockets));
    met.insert(index);
  }
  CHECK(met.size() == kSockets);
}

TEST_CASE("networks spread over the sockets evenly") {
  constexpr uint32_t kSockets = 7, kNetworks = 70'000;
  for (const bool v4 : {true, false}) {
    std::vector<uint32_t> share(kSockets);
    for (uint32_t i = 0; i < kNetworks; ++i) {
      const auto byte = [&](int shift) { return static_cast<uint8_t>(i >> shift); };
      const IpAddress client =
          v4 ? IpAddress::v4(i << 8)
             : IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, byte(16), byte(8), byte(0), 1, 2});
      ++share[hf::steering_index(client, kSockets)];
    }
    for (const uint32_t count : share) CHECK(count == doctest::Approx(10'000).epsilon(0.05));
  }
}

TEST_CASE("hosts of a /64 share an owner, neighbours of a /48 need not") {
  CHECK(hf::steering_index(ip("2001:db8:1:2::1"), 64) ==
        hf::steering_index(ip("2001:db8:1:2:ffff:ffff:ffff:ffff"), 64));
  std::set<uint32_t> owners;
  for (const char* network :
       {"2001:db8:1:1::", "2001:db8:1:2::", "2001:db8:1:3::", "2001:db9:1:1::"})
    owners.insert(hf::steering_index(ip(network), 64));
  CHECK(owners.size() > 1);
}
