// SPDX-License-Identifier: Apache-2.0
#include "base/os/process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

namespace {

std::pair<hf::Fd, hf::Fd> socket_pair(int type) {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) == 0);
  return {hf::Fd(pair[0]), hf::Fd(pair[1])};
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

size_t open_descriptors() {
  size_t count = 0;
  for (int fd = 0; fd < 256; ++fd) count += ::fcntl(fd, F_GETFD) >= 0;
  return count;
}

/// The exit code of `body`, run in a process of its own.
template <class Body>
int exit_code_of(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("an unknown user is an error that says how to make one") {
  const auto dropped = hf::drop_privileges("no-such-user");
  REQUIRE_FALSE(dropped);
  CHECK(dropped.error().message ==
        "user \"no-such-user\" does not exist: install the package, which creates it, or run "
        "`useradd --system --no-create-home no-such-user`");
}

TEST_CASE("root is no user to drop privileges to") {
  const auto dropped = hf::drop_privileges("root");
  REQUIRE_FALSE(dropped);
  CHECK(dropped.error().message == "user \"root\" is root: name an unprivileged user");
}

TEST_CASE("dropped privileges are gone for good; without root nothing can be dropped") {
  const passwd* nobody = ::getpwnam("nobody");
  REQUIRE(nobody != nullptr);
  const uid_t uid = nobody->pw_uid;
  const gid_t gid = nobody->pw_gid;
  const bool root = ::geteuid() == 0;
  const int code = exit_code_of([&] {
    const auto dropped = hf::drop_privileges("nobody");
    if (!root) return dropped ? 1 : 0;
    if (!dropped) return 2;
    uid_t r, e, s;
    if (::getresuid(&r, &e, &s) != 0 || r != uid || e != uid || s != uid) return 3;
    gid_t gr, ge, gs;
    if (::getresgid(&gr, &ge, &gs) != 0 || gr != gid || ge != gid || gs != gid) return 4;
    gid_t groups[64];
    const int count = ::getgroups(64, groups);
    for (int i = 0; i < count; ++i)
      if (groups[i] == 0) return 5;
    return ::seteuid(0) == 0 ? 6 : 0;
  });
  CHECK(code == 0);
}

TEST_CASE("the descriptor limit rises to the hard limit") {
  const int code = exit_code_of([] {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    if (hf::descriptor_limit() != 64) return 1;
    hf::raise_descriptor_limit();
    return hf::descriptor_limit() == limit.rlim_max ? 0 : 2;
  });
  CHECK(code == 0);
}

TEST_CASE("a message arrives whole, with its descriptor") {
  auto [near, far] = socket_pair(SOCK_SEQPACKET);
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  hf::Fd reader(pipe[0]), writer(pipe[1]);
  REQUIRE(hf::send_with_fd(near.get(), bytes_of("take this"), writer.get()));
  REQUIRE(hf::send_with_fd(near.get(), bytes_of("and this"), -1));
  writer.reset();

  std::array<std::byte, 64> buffer;
  auto first = hf::receive_with_fd(far.get(), buffer);
  REQUIRE(first);
  CHECK(std::string_view(reinterpret_cast<char*>(buffer.data()), first->size) == "take this");
  REQUIRE(first->fd);
  CHECK((::fcntl(first->fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(::write(first->fd.get(), "x", 1) == 1);
  char c = 0;
  CHECK(::read(reader.get(), &c, 1) == 1);
  CHECK(c == 'x');

  const auto second = hf::receive_with_fd(far.get(), buffer);
  REQUIRE(second);
  CHECK(second->size == 8);
  CHECK_FALSE(second->fd);

  near.reset();
  const auto end = hf::receive_with_fd(far.get(), buffer);
  REQUIRE(end);
  CHECK(end->size == 0);
}

TEST_CASE("a message that is too long is an error and leaves no descriptor open") {
  auto [near, far] = socket_pair(SOCK_SEQPACKET);
  REQUIRE(hf::send_with_fd(near.get(), bytes_of("0123456789"), near.get()));
  const size_t before = open_descriptors();
  std::array<std::byte, 4> buffer;
  CHECK_FALSE(hf::receive_with_fd(far.get(), buffer));
  CHECK(open_descriptors() == before);
}

TEST_CASE("a message with two descriptors is an error and leaves none open") {
  auto [near, far] = socket_pair(SOCK_SEQPACKET);
  const int fds[2] = {near.get(), far.get()};
  char byte = 'x';
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fds)]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(header), fds, sizeof fds);
  REQUIRE(::sendmsg(near.get(), &message, 0) == 1);

  const size_t before = open_descriptors();
  std::array<std::byte, 4> buffer;
  CHECK_FALSE(hf::receive_with_fd(far.get(), buffer));
  CHECK(open_descriptors() == before);
}

TEST_CASE("sending to an end that is closed is an error") {
  auto [near, far] = socket_pair(SOCK_SEQPACKET);
  far.reset();
  const auto sent = hf::send_with_fd(near.get(), bytes_of("hello"), -1);
  REQUIRE_FALSE(sent);
  CHECK(sent.error().sys == EPIPE);
}

TEST_CASE("a program is run and its end is told") {
  CHECK(*hf::run_and_wait({"/bin/sh", "-c", "exit 7"}) == 7);
  CHECK(*hf::run_and_wait({"/bin/sh", "-c", "kill -9 $$"}) == 128 + 9);
  const auto none = hf::run_and_wait({"/nowhere/program"});
  REQUIRE(!none.has_value());
  CHECK(none.error().message.find("/nowhere/program") != std::string::npos);
  CHECK(hf::beside_this_program("x").ends_with("/x"));
}
