// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/tls/terminator/file_keeper.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <span>

#include <fmt/format.h>

#include "base/os/file.h"
#include "base/os/log.h"
#include "base/os/process.h"
#include "smtpgate/tls/terminator/confine.h"

namespace smtpgate {
namespace {

constexpr size_t kFileLimit = 1 << 20;  // bytes

/// The child: answers each number with an errno and, if that is 0, the opened file.
int serve(int socket, std::span<const std::string> paths) {
  if (auto confined = confine_file_keeper(); !confined) return 1;
  for (;;) {
    uint32_t number = 0;
    const auto asked = hf::receive_with_fd(socket, std::as_writable_bytes(std::span(&number, 1)));
    if (!asked || asked->size != sizeof number) return 0;  // nobody asks any more
    hf::Fd file;
    int32_t sys = EINVAL;
    if (number < paths.size()) {
      file = hf::Fd(::open(paths[number].c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
      sys = file ? 0 : errno;
    }
    if (!hf::send_with_fd(socket, std::as_bytes(std::span(&sys, 1)), file.get())) return 0;
  }
}

}  // namespace

hf::Result<FileKeeper> FileKeeper::start(std::vector<std::string> paths) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return hf::fail(hf::sys_error("socketpair"));
  hf::Fd ours(pair[0]);
  const hf::Fd theirs(pair[1]);
  hf::flush_log();  // what waits would be written twice
  ::signal(SIGCHLD, SIG_IGN);
  const pid_t pid = ::fork();
  if (pid < 0) return hf::fail(hf::sys_error("fork"));
  if (pid == 0) {
    // It outlives signals that are meant for its parent, and holds none of its descriptors.
    for (const int signal : {SIGHUP, SIGINT, SIGTERM}) ::signal(signal, SIG_IGN);
    ::prctl(PR_SET_NAME, "tls-files");
    const auto own = static_cast<unsigned>(theirs.get());
    if (own > 3) ::close_range(3, own - 1, 0);
    ::close_range(own + 1, UINT_MAX, 0);
    ::_exit(serve(theirs.get(), paths));
  }
  return FileKeeper(std::move(paths), std::move(ours));
}

hf::Result<std::string> FileKeeper::read(const std::string& path) const {
  const auto found = std::ranges::find(paths_, path);
  HF_CHECK(found != paths_.end(), "a file that the keeper was not told of");
  const auto number = static_cast<uint32_t>(found - paths_.begin());
  HF_TRY(hf::send_with_fd(socket_.get(), std::as_bytes(std::span(&number, 1)), -1));
  int32_t sys = 0;
  HF_TRY_ASSIGN(hf::ReceivedMessage answer,
                hf::receive_with_fd(socket_.get(), std::as_writable_bytes(std::span(&sys, 1))));
  if (answer.size != sizeof sys) return hf::fail("the process that opens files is gone: restart");
  if (sys != 0) return hf::fail(hf::sys_error(path, sys));
  auto text = hf::read_all(answer.fd.get(), kFileLimit);
  if (!text) return hf::fail(std::move(text).error().within(path));
  return text;
}

}  // namespace smtpgate
