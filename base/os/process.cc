// SPDX-License-Identifier: Apache-2.0
#include "base/os/process.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace hf {

Result<void> drop_privileges(const std::string& user) {
  errno = 0;
  const passwd* account = ::getpwnam(user.c_str());
  if (account == nullptr && errno != 0) return fail(sys_error(fmt::format("user \"{}\"", user)));
  if (account == nullptr)
    return fail(
        fmt::format("user \"{0}\" does not exist: install the package, which creates it, or "
                    "run `useradd --system --no-create-home {0}`",
                    user));
  const uid_t uid = account->pw_uid;
  const gid_t gid = account->pw_gid;
  if (uid == 0) return fail(fmt::format("user \"{}\" is root: name an unprivileged user", user));

  const std::string step = fmt::format("changing to user \"{}\"", user);
  if (::initgroups(user.c_str(), gid) != 0 || ::setresgid(gid, gid, gid) != 0 ||
      ::setresuid(uid, uid, uid) != 0)
    return fail(sys_error(step));
  if (::setuid(0) == 0 || ::setgid(0) == 0)
    return fail(
        fmt::format("{}: root could be had back; start the program as root without extra "
                    "capabilities",
                    step));
  return {};
}

std::string beside_this_program(std::string_view name) {
  char self[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/exe", self, sizeof self);
  const std::string path(self, n > 0 ? static_cast<size_t>(n) : 0);
  return path.substr(0, path.rfind('/') + 1).append(name);
}

Result<int> run_and_wait(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  if (const int code = ::posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), environ);
      code != 0)
    return fail(sys_error(command[0], code));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return fail(sys_error(command[0]));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

uint64_t descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Result<void> send_with_fd(int socket, std::span<const std::byte> bytes, int fd) {
  HF_CHECK(!bytes.empty(), "an empty message would read as end of file");
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)]{};
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  ssize_t n;
  do n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0) return fail(sys_error("sending a message"));
  if (static_cast<size_t>(n) != bytes.size())
    return fail(fmt::format("sending a message: only {} of {} bytes were taken", n, bytes.size()));
  return {};
}

Result<ReceivedMessage> receive_with_fd(int socket, std::span<std::byte> buffer) {
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_LEN(sizeof(int));  // CMSG_SPACE has room for a second descriptor
  ssize_t n;
  do n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0) return fail(sys_error("receiving a message"));

  ReceivedMessage received{static_cast<size_t>(n), {}};
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    int fd;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    received.fd = Fd(fd);
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return fail("receiving a message: it is longer, or carries more descriptors, than agreed");
  return received;
}

}  // namespace hf
