// SPDX-License-Identifier: Apache-2.0
#include "base/net/tcp.h"

#include <linux/filter.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <vector>

#include <fmt/format.h>

namespace hf {

namespace {

Result<Fd> stream_socket(int family) {
  Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(sys_error("socket"));
  return fd;
}

Result<void> switch_on(int fd, int level, int option, std::string_view name) {
  const int on = 1;
  if (::setsockopt(fd, level, option, &on, sizeof on) != 0) return fail(sys_error(name));
  return {};
}

Error listen_error(const Endpoint& endpoint) {
  const int code = errno;
  std::string_view remedy;
  if (code == EADDRINUSE) remedy = "; stop the program that listens there (ss -ltnp shows it)";
  if (code == EADDRNOTAVAIL) remedy = "; it must be an address of this machine";
  if (code == EACCES) remedy = "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
  Error error = sys_error(fmt::format("cannot listen on {}", endpoint.to_string()), code);
  error.message += remedy;
  return error;
}

// The finalizer of 32-bit hashes, as steps that classic BPF has too: each round folds the high bits
// down, then multiplies.
struct MixRound {
  uint32_t shift, factor;
};
constexpr MixRound kMixRounds[] = {{16, 0x7feb352d}, {15, 0x846ca68b}, {16, 1}};
constexpr uint32_t kFirstWordFactor = 0x9e3779b1;

uint32_t mix(uint32_t value) {
  for (const auto& [shift, factor] : kMixRounds) value = (value ^ value >> shift) * factor;
  return value;
}

using Program = std::vector<sock_filter>;

// BPF_STMT as a function: the macro is a braced list, which emplace_back() cannot take.
void add(Program& program, int code, uint32_t k) {
  program.push_back({static_cast<uint16_t>(code), 0, 0, k});
}

void load_from_ip_header(Program& program, uint32_t offset) {
  add(program, BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_NET_OFF) + offset);
}

}  // namespace

Result<Fd> listen_tcp(const Endpoint& endpoint, const ListenOptions& options) {
  sockaddr_storage address;
  const socklen_t size = endpoint.to_sockaddr(address);
  HF_TRY_ASSIGN(Fd fd, stream_socket(address.ss_family));
  HF_TRY(switch_on(fd.get(), SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR"));
  if (options.reuse_port) HF_TRY(switch_on(fd.get(), SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT"));
  if (!endpoint.ip.is_v4()) HF_TRY(switch_on(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY"));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(fd.get(), options.backlog) != 0)
    return fail(listen_error(endpoint));
  return fd;
}

Result<Fd> connect_tcp(const Endpoint& endpoint) {
  sockaddr_storage address;
  const socklen_t size = endpoint.to_sockaddr(address);
  HF_TRY_ASSIGN(Fd fd, stream_socket(address.ss_family));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 &&
      errno != EINPROGRESS)
    return fail(sys_error(fmt::format("cannot connect to {}", endpoint.to_string())));
  return fd;
}

Result<Fd> connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(sys_error(
        fmt::format("{}: a socket's path has at most {} bytes", path, sizeof address.sun_path - 1),
        ENAMETOOLONG));
  path.copy(address.sun_path, path.size());
  HF_TRY_ASSIGN(Fd fd, stream_socket(AF_UNIX));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(sys_error(fmt::format("cannot connect to {}", path)));
  return fd;
}

Result<void> connect_result(int fd) {
  int code = 0;
  socklen_t size = sizeof code;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
  if (code != 0) return fail(sys_error("connect", code));
  return {};
}

Result<void> steer_by_network(int fd, bool v4, uint32_t sockets) {
  HF_CHECK(sockets > 0, "a group of no sockets");
  Program program;
  if (v4) {
    load_from_ip_header(program, 12);  // the source address
    add(program, BPF_ALU | BPF_AND | BPF_K, 0xffff'ff00);
  } else {
    load_from_ip_header(program, 8);  // the source address, upper half
    add(program, BPF_ALU | BPF_MUL | BPF_K, kFirstWordFactor);
    add(program, BPF_ST, 0);
    load_from_ip_header(program, 12);
    add(program, BPF_LDX | BPF_MEM, 0);
    add(program, BPF_ALU | BPF_XOR | BPF_X, 0);
  }
  for (const auto& [shift, factor] : kMixRounds) {
    add(program, BPF_MISC | BPF_TAX, 0);
    add(program, BPF_ALU | BPF_RSH | BPF_K, shift);
    add(program, BPF_ALU | BPF_XOR | BPF_X, 0);
    add(program, BPF_ALU | BPF_MUL | BPF_K, factor);
  }
  add(program, BPF_ALU | BPF_MOD | BPF_K, sockets);
  add(program, BPF_RET | BPF_A, 0);
  const sock_fprog attached{static_cast<uint16_t>(program.size()), program.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &attached, sizeof attached) != 0)
    return fail(sys_error("cannot steer clients by network (SO_ATTACH_REUSEPORT_CBPF)"));
  return {};
}

uint32_t steering_index(const IpAddress& client, uint32_t sockets) {
  HF_CHECK(sockets > 0, "a group of no sockets");
  if (client.is_v4()) return mix(client.v4_bits() & 0xffff'ff00) % sockets;
  const auto word = [&](size_t at) {
    const auto& bytes = client.bytes();
    return uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 |
           uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
  };
  return mix(word(0) * kFirstWordFactor ^ word(4)) % sockets;
}

}  // namespace hf
