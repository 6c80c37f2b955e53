// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/control.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/net/timer_wheel.h"

namespace smtpgate {
namespace {

constexpr size_t kCommandLimit = 256;    // bytes of a command
constexpr size_t kSessionLimit = 16;     // clients at once
constexpr uint64_t kSessionMs = 5000;    // from connecting to the last byte taken

hf::Result<sockaddr_un> control_address(const std::string& folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder + "/control";
  if (path.size() >= sizeof address.sun_path)
    return hf::fail(fmt::format("{}: too long for a unix socket, choose a shorter [history] path",
                                path));
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

}  // namespace

/// One client: its command comes, its answer goes.
class ControlServer::Session final : public hf::ReadyHandler, public hf::Timer {
 public:
  Session(ControlServer& server, hf::Fd fd) : server_(server), fd_(std::move(fd)) {
    if (!server_.loop_.watch(fd_.get(), EPOLLIN, this)) server_.loop_.set_timer(*this, 0);
    server_.loop_.set_timer(*this, server_.loop_.now_ms() + kSessionMs);
  }
  ~Session() override { server_.loop_.unwatch(fd_.get(), this); }

 private:
  void on_ready(uint32_t) override {
    if (!answering_ && !read_command()) return;
    while (sent_ < answer_.size()) {
      const ssize_t n = ::send(fd_.get(), answer_.data() + sent_, answer_.size() - sent_,
                               MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN) return server_.loop_.rewatch(fd_.get(), EPOLLOUT, this);
      if (n <= 0) break;
      sent_ += static_cast<size_t>(n);
    }
    server_.sessions_.erase(this);
  }
  void on_timer() override { server_.sessions_.erase(this); }

  bool read_command() {
    char buffer[kCommandLimit];
    const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return false;
    if (n > 0) command_.append(buffer, static_cast<size_t>(n));
    const size_t end = command_.find('\n');
    if (n > 0 && end == std::string::npos && command_.size() < kCommandLimit) return false;
    answering_ = true;
    if (end != std::string::npos)
      answer_ = server_.handler_(std::string_view(command_).substr(0, end));
    return true;
  }

  ControlServer& server_;
  hf::Fd fd_;
  std::string command_, answer_;
  size_t sent_ = 0;
  bool answering_ = false;
};

ControlServer::ControlServer(hf::Loop& loop, hf::Fd listener, Handler handler)
    : loop_(loop), listener_(std::move(listener)), handler_(std::move(handler)) {}

ControlServer::~ControlServer() { loop_.unwatch(listener_.get(), this); }

hf::Result<std::unique_ptr<ControlServer>> ControlServer::create(hf::Loop& loop,
                                                                 const std::string& folder,
                                                                 Handler handler) {
  HF_TRY_ASSIGN(const sockaddr_un address, control_address(folder));
  hf::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return hf::fail(hf::sys_error("socket"));
  ::unlink(address.sun_path);
  const mode_t before = ::umask(0177);
  const int rc = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(before);
  if (rc != 0 || ::listen(fd.get(), 16) != 0) return hf::fail(hf::sys_error(address.sun_path));
  std::unique_ptr<ControlServer> server(
      new ControlServer(loop, std::move(fd), std::move(handler)));
  HF_TRY(loop.watch(server->listener_.get(), EPOLLIN, server.get()));
  return server;
}

void ControlServer::on_ready(uint32_t) {
  hf::Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!client || sessions_.size() >= kSessionLimit) return;
  auto session = std::make_unique<Session>(*this, std::move(client));
  sessions_.emplace(session.get(), std::move(session));
}

hf::Result<std::string> ask_daemon(const std::string& folder, std::string_view command) {
  HF_TRY_ASSIGN(const sockaddr_un address, control_address(folder));
  const hf::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return hf::fail(hf::sys_error("socket"));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return hf::fail(hf::sys_error(address.sun_path));
  const std::string line = fmt::format("{}\n", command);
  if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0)
    return hf::fail(hf::sys_error(address.sun_path));
  std::string answer;
  char buffer[4096];
  for (;;) {
    const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (n < 0) return hf::fail(hf::sys_error(address.sun_path));
    if (n == 0) return answer;
    answer.append(buffer, static_cast<size_t>(n));
  }
}

}  // namespace smtpgate
