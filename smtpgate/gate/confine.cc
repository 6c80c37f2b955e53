// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/confine.h"

#include <array>

#include "base/os/log.h"
#include "base/os/sandbox.h"

namespace smtpgate {
namespace {

// What each part of the gate needs; a call that is on no line ends the process.
constexpr auto kCalls = std::to_array<const char*>({
    // clients, backends, DNS, the master: sockets and what is done with them
    "socket", "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown",
    "getsockname", "getpeername", "setsockopt", "getsockopt", "sendto", "sendmsg", "sendmmsg",
    "recvfrom", "recvmsg", "recvmmsg", "read", "readv", "write", "writev", "close", "dup", "dup3", "fcntl",
    "pipe2", "splice", "ioctl",
    // the event loops
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "poll", "ppoll",
    // the history: LMDB reads by its map and writes by pwrite
    "pread64", "pwrite64", "pwritev", "lseek", "fsync", "fdatasync", "ftruncate", "msync",
    "fstat", "newfstatat", "statx", "fstatfs", "fadvise64", "flock",
    // threads and memory, as glibc uses them
    "clone", "clone3", "futex", "set_robust_list", "rseq", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "sched_yield", "sched_getaffinity",
    "membarrier", "mmap", "munmap", "mremap", "mprotect", "madvise", "brk", "exit", "exit_group",
    "restart_syscall", "getrandom", "prctl", "arch_prctl",
    // who and when
    "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "uname", "sysinfo", "getrusage",
    "prlimit64", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday",
    "time", "signalfd4", "tgkill",
    // glibc's look at the machine; Landlock lets none of these reach a file
    "openat", "open", "access", "faccessat", "readlink", "readlinkat",
});

}  // namespace

hf::Result<void> confine_gate() {
  HF_TRY(hf::set_no_new_privs());
  HF_TRY_ASSIGN(const hf::LandlockReport files, hf::confine_files({}));
  if (!files.shortfall.empty()) hf::log_warn("sandbox: {}", files.shortfall);
  return hf::SyscallFilter().apply(kCalls);
}

}  // namespace smtpgate
