// SPDX-License-Identifier: Apache-2.0
// What the kernel alone costs: a server that accepts, says what smtpgate would say to an early
// talker, and closes. It decides nothing, remembers nothing and logs nothing.
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "base/net/tcp.h"

namespace {

constexpr std::string_view kTeaser = "220-mx.test ESMTP\r\n";
constexpr std::string_view kRefusal =
    "220 mx.test ESMTP\r\n550 5.5.1 You spoke before the greeting [0123456789abc]\r\n";

void watch(int epoll, int fd) {
  epoll_event event{EPOLLIN, {.fd = fd}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

void serve(int fd) {
  char buffer[2048];
  if (::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0)
    ::send(fd, kRefusal.data(), kRefusal.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  else
    ::close(fd);
}

void accept_all(int epoll, int listener) {
  for (int fd; (fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    ::send(fd, kTeaser.data(), kTeaser.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    watch(epoll, fd);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto endpoint = hf::Endpoint::parse(argc == 2 ? argv[1] : "");
  if (!endpoint) {
    std::fputs("usage: smtp_floor ADDRESS:PORT\n", stderr);
    return 2;
  }
  const auto listener = hf::listen_tcp(*endpoint, {});
  if (!listener) {
    std::fprintf(stderr, "smtp_floor: %s\n", listener.error().message.c_str());
    return 1;
  }
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener->get());
  for (;;) {
    epoll_event events[64];
    const int n = ::epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < n; ++i) {
      if (events[i].data.fd == listener->get())
        accept_all(epoll, listener->get());
      else
        serve(events[i].data.fd);
    }
  }
}
