// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/backends.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "base/core/text.h"
#include "base/net/tcp.h"
#include "smtpgate/wire/postfix_pass.h"
#include "smtpgate/wire/proxy_header.h"
#include "smtpgate/wire/smtp_dialogue.h"

namespace smtpgate {
namespace {

hf::Result<void> wait_for(int fd, short events, Millis timeout) {
  pollfd polled{fd, events, 0};
  const int n = ::poll(&polled, 1, static_cast<int>(timeout.count()));
  if (n == 0) return hf::fail("no answer in time");
  if (n < 0) return hf::fail(hf::sys_error("poll"));
  return {};
}

/// A conversation of commands and replies with a backend, one step at a time.
class Talk {
 public:
  Talk(hf::Fd fd, Millis timeout) : fd_(std::move(fd)), timeout_(timeout) {}

  hf::Result<void> send(std::string_view bytes) {
    while (!bytes.empty()) {
      HF_TRY(wait_for(fd_.get(), POLLOUT, timeout_));
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN) return hf::fail(hf::sys_error("sending"));
      if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
    }
    return {};
  }

  /// The next reply, which must have `code`.
  hf::Result<std::string> expect(int code, std::string_view step) {
    SmtpReplyReader reader;
    while (!reader.complete()) {
      if (auto ready = wait_for(fd_.get(), POLLIN, timeout_); !ready)
        return hf::fail(std::move(ready).error().within(step));
      char buffer[4096];
      const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (n == 0) return hf::fail(fmt::format("{}: it closed the connection", step));
      if (n < 0) return hf::fail(hf::sys_error(step));
      auto taken = reader.feed({buffer, static_cast<size_t>(n)});
      if (!taken) return hf::fail(std::move(taken).error().within(step));
    }
    if (reader.code() != code)
      return hf::fail(fmt::format("{}: it answered {}", step, hf::printable(reader.raw(), 200)));
    return reader.raw();
  }

 private:
  hf::Fd fd_;
  Millis timeout_;
};

/// A connected pair of loopback TCP sockets: what a `pass` service is given for its health check.
hf::Result<std::pair<hf::Fd, hf::Fd>> loopback_pair() {
  const hf::Endpoint any{hf::IpAddress::v4(0x7f000001), 0};
  HF_TRY_ASSIGN(const hf::Fd listener, hf::listen_tcp(any, {.reuse_port = false, .backlog = 1}));
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&bound), &size);
  HF_TRY_ASSIGN(hf::Fd near, hf::connect_tcp(hf::Endpoint::from_sockaddr(bound)));
  HF_TRY(wait_for(listener.get(), POLLIN, Millis(1000)));
  hf::Fd far(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!far) return hf::fail(hf::sys_error("accept"));
  return std::pair(std::move(near), std::move(far));
}

hf::Endpoint name_of_socket(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ask(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return hf::Endpoint::from_sockaddr(address);
}

/// A socket on which the backend is about to greet.
hf::Result<hf::Fd> open_probe(Backend& backend, MasterChannel* master, Millis timeout) {
  HF_TRY_ASSIGN(hf::Fd fd, backend.connect(master));
  HF_TRY(wait_for(fd.get(), POLLOUT, timeout));
  HF_TRY(hf::connect_result(fd.get()));
  if (!backend.passes_descriptor()) return fd;

  HF_TRY_ASSIGN(auto pair, loopback_pair());
  const std::string message =
      make_pass_message(name_of_socket(pair.second.get(), ::getpeername),
                        name_of_socket(pair.second.get(), ::getsockname));
  HF_TRY(send_pass_message(fd.get(), pair.second.get(), message));
  HF_TRY(wait_for(fd.get(), POLLIN, timeout));  // its end of file: the descriptor was taken
  return std::move(pair.first);
}

}  // namespace

void Backend::introduce(MasterChannel& master) {
  if (uri_.path.empty()) return;
  [[maybe_unused]] const auto door = master.door(uri_.path);
}

Backend::~Backend() {
  if (door_ >= 0) ::close(door_);
}

hf::Result<hf::Fd> Backend::connect(MasterChannel* master) {
  if (uri_.path.empty()) return hf::connect_tcp(uri_.endpoint);
  if (way_.load(std::memory_order_relaxed) == Way::kPath) {
    auto fd = hf::connect_unix(uri_.path);
    if (fd || fd.error().sys != EACCES || master == nullptr) return fd;
    way_.store(Way::kDoor, std::memory_order_relaxed);
  }
  if (way_.load(std::memory_order_relaxed) == Way::kDoor) {
    auto fd = connect_by_door(*master);
    if (fd || fd.error().sys != EACCES) return fd;
    way_.store(Way::kMaster, std::memory_order_relaxed);
  }
  return master->connect(uri_.path);
}

hf::Result<hf::Fd> Backend::connect_by_door(MasterChannel& master) {
  for (const bool fresh : {false, true}) {
    if (fresh || door_ < 0) {
      // A server that was restarted has made its socket anew.
      HF_TRY_ASSIGN(hf::Fd door, master.door(uri_.path));
      const std::lock_guard lock(door_mutex_);
      if (door_ < 0)
        door_ = door.release();
      else if (::dup3(door.get(), door_, O_CLOEXEC) < 0)
        return hf::fail(hf::sys_error("dup3"));
    }
    auto fd = hf::connect_unix(fmt::format("/proc/self/fd/{}", door_.load()));
    if (fd || fd.error().sys != ECONNREFUSED) return fd;
  }
  return hf::fail(hf::sys_error(uri_.path, ECONNREFUSED));
}

std::vector<std::string> Backend::keywords() const {
  const std::lock_guard lock(keywords_mutex_);
  return keywords_;
}

void Backend::set_keywords(std::vector<std::string> keywords) {
  const std::lock_guard lock(keywords_mutex_);
  keywords_ = std::move(keywords);
}

const Backend* Backends::first_relay() const {
  const Backend* found = nullptr;
  for (const auto& each : all_) {
    if (each->passes_descriptor()) continue;
    if (each->up()) return each.get();
    if (found == nullptr) found = each.get();
  }
  return found;
}

Backends::Backends(const Config& config) {
  for (const BackendUri& uri : config.backend.handoff)
    all_.push_back(std::make_unique<Backend>(uri));
}

hf::Result<ProbeResult> probe_backend(Backend& backend, MasterChannel* master, Millis timeout) {
  using Kind = BackendUri::Kind;
  HF_TRY_ASSIGN(hf::Fd fd, open_probe(backend, master, timeout));
  Talk talk(std::move(fd), timeout);
  if (backend.uri().kind == Kind::kProxyV2) HF_TRY(talk.send(make_proxy_v2_local()));
  if (backend.uri().kind == Kind::kProxyV1) HF_TRY(talk.send(make_proxy_v1_unknown()));

  ProbeResult result;
  HF_TRY_ASSIGN(const std::string greeting, talk.expect(220, "greeting"));
  result.banner = hf::printable(greeting.substr(0, greeting.find_first_of("\r\n")), 200);
  HF_TRY(talk.send("EHLO smtpgate.localhost\r\n"));
  HF_TRY_ASSIGN(const std::string ehlo, talk.expect(250, "EHLO"));
  result.keywords = ehlo_keywords(ehlo);
  if (backend.uri().kind == Kind::kXclient &&
      ehlo.find("XCLIENT") == std::string::npos)
    return hf::fail("it does not offer XCLIENT: add this address to smtpd_authorized_xclient_hosts");
  HF_TRY(talk.send("QUIT\r\n"));
  return result;
}

}  // namespace smtpgate
