// SPDX-License-Identifier: Apache-2.0
#include "base/os/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <string>

#include <fmt/format.h>

#include "base/core/text.h"

namespace hf {
namespace {

constexpr int kFirstListenFd = 3;      // SD_LISTEN_FDS_START
constexpr int kListenFdLimit = 65536;  // more than any unit passes

/// Sends one datagram. Nobody could do anything about a failure, so none is reported.
void notify(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) return;
  const std::string_view name = path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() < 2 || name.size() >= sizeof address.sun_path) return;
  name.copy(address.sun_path, name.size());
  if (name.front() == '@') address.sun_path[0] = '\0';  // an abstract socket
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());

  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd)
    ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), size);
}

}  // namespace

void notify_ready() {
  notify("READY=1");
}

void notify_reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  notify(
      fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000LL + now.tv_nsec / 1000));
}

void notify_stopping() {
  notify("STOPPING=1");
}

void notify_status(std::string_view text) {
  // A line break would begin another assignment.
  notify(fmt::format("STATUS={}", text.substr(0, text.find('\n'))));
}

void notify_watchdog() {
  notify("WATCHDOG=1");
}

std::vector<Fd> listen_fds() {
  auto number = [](const char* variable, int64_t max) {
    const char* text = std::getenv(variable);
    return parse_int(text == nullptr ? "" : text, 1, max).value_or(0);
  };
  const bool ours = number("LISTEN_PID", INT32_MAX) == ::getpid();
  const auto count = static_cast<int>(number("LISTEN_FDS", kListenFdLimit));
  for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(variable);

  std::vector<Fd> fds;
  if (!ours) return fds;
  for (int fd = kFirstListenFd; fd < kFirstListenFd + count; ++fd)
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) fds.emplace_back(fd);
  return fds;
}

}  // namespace hf
