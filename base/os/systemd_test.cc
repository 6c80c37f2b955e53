// SPDX-License-Identifier: Apache-2.0
#include "base/os/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/core/text.h"

namespace {

/// The manager's end of NOTIFY_SOCKET. `name` is a path, or "@" and an abstract name.
class Manager {
 public:
  explicit Manager(const std::string& name) : name_(name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    if (name.front() == '@') address.sun_path[0] = '\0';
    fd_ = hf::Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) == 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Manager() {
    ::unsetenv("NOTIFY_SOCKET");
    if (name_.front() == '/') ::unlink(name_.c_str());
  }

  std::string told() const {
    char buffer[256];
    const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    return n < 0 ? "nothing" : std::string(buffer, static_cast<size_t>(n));
  }

 private:
  std::string name_;
  hf::Fd fd_;
};

void tell_everything(const Manager& manager) {
  hf::notify_ready();
  CHECK(manager.told() == "READY=1");
  hf::notify_stopping();
  CHECK(manager.told() == "STOPPING=1");
  hf::notify_status("serving 7 clients\nMAINPID=1");
  CHECK(manager.told() == "STATUS=serving 7 clients");
  hf::notify_watchdog();
  CHECK(manager.told() == "WATCHDOG=1");

  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  hf::notify_reloading();
  const std::string reloading = manager.told();
  const std::string begin = "RELOADING=1\nMONOTONIC_USEC=";
  REQUIRE(reloading.starts_with(begin));
  const auto usec = hf::parse_int(reloading.substr(begin.size()), 0, INT64_MAX);
  REQUIRE(usec);
  CHECK(*usec >= now.tv_sec * 1'000'000LL + now.tv_nsec / 1000);
  CHECK(*usec < (now.tv_sec + 60) * 1'000'000LL);
}

/// The exit code of a process that was passed two descriptors and in which `variables` are set;
/// "self" stands for its own process id. 10 + the number of descriptors that listen_fds() gave;
/// less for a fault.
int adopted(const std::string& pid, const std::string& count) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(STDIN_FILENO, 3);
    ::dup2(STDIN_FILENO, 4);
    ::setenv("LISTEN_PID", pid == "self" ? fmt::format("{}", ::getpid()).c_str() : pid.c_str(), 1);
    ::setenv("LISTEN_FDS", count.c_str(), 1);
    ::setenv("LISTEN_FDNAMES", "smtp:smtp", 1);
    const auto fds = hf::listen_fds();
    if (std::getenv("LISTEN_PID") || std::getenv("LISTEN_FDS") || std::getenv("LISTEN_FDNAMES"))
      ::_exit(1);
    for (size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].get() != static_cast<int>(3 + i)) ::_exit(2);
      if ((::fcntl(fds[i].get(), F_GETFD) & FD_CLOEXEC) == 0) ::_exit(3);
    }
    ::_exit(static_cast<int>(10 + fds.size()));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("the manager is told on a socket in the file system") {
  tell_everything(Manager(fmt::format("/tmp/hf_notify_{}", ::getpid())));
}

TEST_CASE("the manager is told on an abstract socket") {
  tell_everything(Manager(fmt::format("@hf_notify_{}", ::getpid())));
}

TEST_CASE("without a manager, or with one that is gone, telling does nothing") {
  hf::notify_ready();
  for (const char* name : {"", "/", "@", "/nowhere/notify"}) {
    ::setenv("NOTIFY_SOCKET", name, 1);
    hf::notify_ready();
  }
  ::setenv("NOTIFY_SOCKET", std::string(500, 'x').c_str(), 1);
  hf::notify_ready();
  ::unsetenv("NOTIFY_SOCKET");
  const Manager late(fmt::format("@hf_notify_late_{}", ::getpid()));
  CHECK(late.told() == "nothing");
}

TEST_CASE("passed sockets are adopted once, and only when they are meant for us") {
  CHECK(adopted("self", "2") == 12);
  CHECK(adopted("self", "1") == 11);
  CHECK(adopted("1", "2") == 10);
  CHECK(adopted("self", "0") == 10);
  CHECK(adopted("self", "-1") == 10);
  CHECK(adopted("self", "many") == 10);
  CHECK(adopted("", "2") == 10);
}
