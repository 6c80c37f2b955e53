// SPDX-License-Identifier: Apache-2.0
#include "base/os/signal.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace hf {

Result<Fd> block_and_open_signalfd(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  if (const int sys = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); sys != 0)
    return fail(sys_error("blocking signals", sys));
  Fd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return fail(sys_error("signalfd"));
  return fd;
}

std::optional<int> read_signal(int fd) {
  signalfd_siginfo info;
  if (::read(fd, &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

void ignore_sigpipe() {
  ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace hf
