// SPDX-License-Identifier: Apache-2.0
//
// mail_sink SOCKET ADDRESS:PORT: the least that can stand behind a gate, so that a benchmark
// measures the gate. It takes sessions as a Postfix `pass` service does, on the unix socket SOCKET,
// and by TCP; greets, says 250 to everything and 221 to QUIT. Runs until it is killed.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/net/ip.h"
#include "base/os/fd.h"

namespace {

enum class Role : uint8_t { kNone, kPassListener, kTcpListener, kPass, kSession };

class Sink {
 public:
  hf::Result<void> run(const char* path, std::string_view address) {
    epoll_ = hf::Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) return hf::fail(hf::sys_error("epoll_create1"));
    sockaddr_un local{AF_UNIX, {}};
    if (std::strlen(path) >= sizeof local.sun_path) return hf::fail("the path is too long");
    std::strcpy(local.sun_path, path);
    HF_TRY(listen(reinterpret_cast<sockaddr*>(&local), sizeof local, Role::kPassListener));
    ::chmod(path, 0666);  // as Postfix has it: its folder alone says who may come
    HF_TRY_ASSIGN(const auto endpoint, hf::Endpoint::parse(address));
    sockaddr_storage tcp{};
    const socklen_t size = endpoint.to_sockaddr(tcp);
    HF_TRY(listen(reinterpret_cast<sockaddr*>(&tcp), size, Role::kTcpListener));
    std::array<epoll_event, 256> events;
    for (;;) {
      const int ready = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
      for (int i = 0; i < ready; ++i) on_ready(events[i].data.fd);
    }
  }

 private:
  struct Entry {
    Role role = Role::kNone;
    char verb = 0;  // first letter of the line being read
  };

  hf::Result<void> listen(const sockaddr* address, socklen_t size, Role role) {
    const int fd = ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || ::bind(fd, address, size) != 0 || ::listen(fd, SOMAXCONN) != 0)
      return hf::fail(hf::sys_error("listen"));
    add(fd, role);
    return {};
  }

  void add(int fd, Role role) {
    if (static_cast<size_t>(fd) >= entries_.size()) entries_.resize(static_cast<size_t>(fd) + 1);
    entries_[fd] = {role, 0};
    epoll_event event{EPOLLIN, {.fd = fd}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  void drop(int fd) {
    entries_[fd].role = Role::kNone;
    ::close(fd);
  }

  void on_ready(int fd) {
    switch (entries_[fd].role) {
      case Role::kPassListener: accept_all(fd, Role::kPass); break;
      case Role::kTcpListener: accept_all(fd, Role::kSession); break;
      case Role::kPass: take(fd); break;
      case Role::kSession: serve(fd); break;
      case Role::kNone: break;
    }
  }

  void accept_all(int listener, Role role) {
    for (int fd; (fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      add(fd, role);
      if (role == Role::kSession) greet(fd);
    }
  }

  static bool say(int fd, std::string_view text) {
    return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  void greet(int fd) {
    if (!say(fd, "220 mx.test ESMTP\r\n")) drop(fd);
  }

  /// One hand-over: a descriptor, and attributes that do not matter here.
  void take(int service) {
    char attributes[512];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    iovec data{attributes, sizeof attributes};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = ::recvmsg(service, &message, MSG_CMSG_CLOEXEC);
    // An event of this round for a descriptor that has been closed and given out again.
    if (size < 0 && errno == EAGAIN) return;
    const cmsghdr* header = size > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
      int client = -1;
      std::memcpy(&client, CMSG_DATA(header), sizeof client);
      add(client, Role::kSession);
      greet(client);
    }
    drop(service);
  }

  void serve(int fd) {
    char buffer[4096];
    const ssize_t size = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return drop(fd);
    for (const char c : std::string_view(buffer, static_cast<size_t>(size))) {
      char& verb = entries_[fd].verb;
      if (verb == 0) verb = c;
      if (c != '\n') continue;
      const bool quit = verb == 'Q' || verb == 'q';
      verb = 0;
      if (!say(fd, quit ? "221 2.0.0 bye\r\n" : "250 2.0.0 ok\r\n") || quit) return drop(fd);
    }
  }

  hf::Fd epoll_;
  std::vector<Entry> entries_;  // by descriptor
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: mail_sink SOCKET ADDRESS:PORT\n", stderr);
    return 2;
  }
  const auto ended = Sink().run(argv[1], argv[2]);
  std::fprintf(stderr, "mail_sink: %s\n", ended.error().message.c_str());
  return 1;
}
