// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/strangers.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>

namespace smtpgate {
namespace {

constexpr uint64_t kRecountMs = 500;
constexpr uint64_t kOldestMs = 300'000;  // a slot's life where the kernel cannot be asked

void put_address(const hf::IpAddress& address, bool v4, __be32 (&out)[4]) {
  const auto& bytes = address.bytes();
  if (v4)
    std::memcpy(out, bytes.data() + 12, 4);
  else
    std::memcpy(out, bytes.data(), 16);
}

}  // namespace

hf::Result<void> Strangers::open() {
  diag_ = hf::Fd(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!diag_) return hf::fail(hf::sys_error("sock_diag"));
  const timeval limit{0, 200'000};
  ::setsockopt(diag_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return {};
}

bool Strangers::enter(const hf::Endpoint& client, const hf::Endpoint& server, int64_t slots,
                      uint64_t now_ms) {
  const std::lock_guard lock(mutex_);
  if (static_cast<int64_t>(sessions_.size()) >= slots) count_again(now_ms);
  if (static_cast<int64_t>(sessions_.size()) >= slots) return false;
  sessions_.push_back({client, server, now_ms});
  return true;
}

size_t Strangers::alive() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

void Strangers::count_again(uint64_t now_ms) {
  if (now_ms < counted_ms_ + kRecountMs) return;
  counted_ms_ = now_ms;
  std::erase_if(sessions_, [&](const Session& s) { return !is_alive(s, now_ms); });
}

bool Strangers::is_alive(const Session& session, uint64_t now_ms) const {
  if (!diag_) return now_ms < session.since_ms + kOldestMs;
  const bool v4 = session.client.ip.is_v4();
  struct {
    nlmsghdr header;
    inet_diag_req_v2 body;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.body.sdiag_family = v4 ? AF_INET : AF_INET6;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = ~0U;
  // The socket looked for is the server's: its source is our address.
  request.body.id.idiag_sport = htons(session.server.port);
  request.body.id.idiag_dport = htons(session.client.port);
  put_address(session.server.ip, v4, request.body.id.idiag_src);
  put_address(session.client.ip, v4, request.body.id.idiag_dst);
  request.body.id.idiag_cookie[0] = request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (::send(diag_.get(), &request, sizeof request, 0) < 0) return true;

  char buffer[4096];
  const ssize_t n = ::recv(diag_.get(), buffer, sizeof buffer, 0);
  if (n < static_cast<ssize_t>(sizeof(nlmsghdr) + sizeof(inet_diag_msg))) {
    // An error message is shorter than an answer: ENOENT says that the socket is gone.
    return n <= 0;
  }
  nlmsghdr header;
  std::memcpy(&header, buffer, sizeof header);
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return false;
  inet_diag_msg socket;
  std::memcpy(&socket, buffer + sizeof header, sizeof socket);
  // Only what a server process still holds counts; in TIME_WAIT and the like nobody does.
  return socket.idiag_state == TCP_ESTABLISHED || socket.idiag_state == TCP_CLOSE_WAIT;
}

}  // namespace smtpgate
