// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/tls/terminator/confine.h"

#include <sys/prctl.h>

#include <array>

#include "base/os/log.h"
#include "base/os/sandbox.h"

namespace smtpgate {
namespace {

// clang-format off
constexpr auto kTerminatorCalls = std::to_array<const char*>({
    // sessions, the control socket, signals, the file keeper
    "read", "write", "recvfrom", "sendto", "recvmsg", "sendmsg", "shutdown", "close", "fcntl",
    // the event loop and the log
    "epoll_ctl", "epoll_wait", "epoll_pwait", "poll", "ppoll",
    // memory, time and the end, as glibc and OpenSSL use them
    "mmap", "munmap", "mremap", "mprotect", "madvise", "brk", "futex", "getrandom", "getpid",
    "gettid", "clock_gettime", "gettimeofday", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "restart_syscall", "tgkill", "exit", "exit_group",
});

constexpr auto kFileKeeperCalls = std::to_array<const char*>({
    "openat", "recvmsg", "sendmsg", "close",
    "mmap", "munmap", "brk", "futex", "rt_sigreturn", "restart_syscall", "exit", "exit_group",
});
// clang-format on

}  // namespace

hf::Result<void> confine_terminator() {
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return hf::fail(hf::sys_error("PR_SET_DUMPABLE"));
  HF_TRY(hf::set_no_new_privs());
  HF_TRY_ASSIGN(const hf::LandlockReport files, hf::confine_files({}));
  if (!files.shortfall.empty()) hf::log_warn("sandbox: {}", files.shortfall);
  return hf::SyscallFilter().apply(kTerminatorCalls);
}

hf::Result<void> confine_file_keeper() {
  HF_TRY(hf::set_no_new_privs());
  const hf::LandlockRule everything{.path = "/"};  // for reading
  HF_TRY(hf::confine_files({&everything, 1}));
  return hf::SyscallFilter().apply(kFileKeeperCalls);
}

}  // namespace smtpgate
