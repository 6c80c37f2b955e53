// SPDX-License-Identifier: Apache-2.0
//
// The launcher: a small static program that starts the measured commands for hellomark.
//
// Problem. What a process costs to start, and the peak memory the kernel books for it, depend on
// the process that starts it: fork copies the starter's page tables, and exec folds the starter's
// peak into the child's ru_maxrss. A tool that starts commands itself measures itself.
//
// Idea. This program is small, is one thread, and does nothing but start. clone with CLONE_VM and
// CLONE_VFORK copies nothing, and returns at the very moment when the child has left our image: so
// the return of clone is the time stamp of exec. Then one poll waits for output, for the exit (a
// signalfd) and for a word of hellomark.
//
// Memory is taken in runs of their own ("traced"), so that the timed ones run free. Under ptrace
// every task of the tree stops as it exits, with its memory still there, and VmHWM is the peak of
// its own image, nobody else's. The peak of the tree is the greater of the largest process's and
// the largest sum of proportional sizes, looked at whenever a process exits and each 2 ms between.
//
// Limits. A sum is seen at those moments only. An image that is left by a second exec is known by
// ru_maxrss alone. The kernel itself counts in batches, up to 32 pages a processor. A traced
// set-user-id program runs without its rights, and a command that traces cannot be traced.
//
// Nothing is left running: commands die with us, orphans become our children, and both are killed
// and waited for after each run.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "hellomark/launcher/protocol.h"
#include "hellomark/launcher/trace.h"

namespace {

using namespace hellomark;

Shared* g_shared;
int g_signal_fd;
char g_pad[sizeof "HELLOMARK_PAD=" + kMaxPad] = "HELLOMARK_PAD=";
char** g_environment;  // with room for the padding at its end
char** g_environment_end;

int64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

int64_t ns_of(const timeval& time) {
  return (int64_t{time.tv_sec} * 1'000'000 + time.tv_usec) * 1000;
}

struct Start {
  const char* path;
  char** argv;
  bool traced;
  int error;  // written by the child, which shares our memory until it execs
};

int child_main(void* argument) {
  auto* start = static_cast<Start*>(argument);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (start->traced && ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) start->traced = false;
  execve(start->path, start->argv, g_environment);
  start->error = errno;
  _exit(127);
}

void set_padding(uint32_t bytes) {
  constexpr size_t kName = sizeof "HELLOMARK_PAD=" - 1;
  *g_environment_end = bytes == 0 ? nullptr : g_pad;
  memset(g_pad + kName, 'x', bytes);
  g_pad[kName + bytes] = '\0';
}

/// Empties the pipe into /dev/null; how much that was.
int64_t drain_output() {
  int64_t total = 0;
  for (;;) {
    const ssize_t moved = splice(kOutputFd, nullptr, kNullFd, nullptr, 1 << 20, SPLICE_F_NONBLOCK);
    if (moved <= 0) return total;
    total += moved;
  }
}

void kill_children() {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", static_cast<int>(getpid()));
  FILE* file = fopen(path, "re");
  if (file == nullptr) return;
  for (int pid; fscanf(file, "%d", &pid) == 1;) kill(pid, SIGKILL);
  fclose(file);
}

/// Kills and waits for all that is still there; how many processes that were. `main` is not
/// counted.
int clear_away(pid_t main) {
  int cleared = 0;
  for (;;) {
    int status;
    pid_t pid = waitpid(-1, &status, __WALL | WNOHANG);
    if (pid == 0) {  // something lives
      kill(-main, SIGKILL);
      kill_children();
      trace_kill_all();
      pid = waitpid(-1, &status, __WALL);
    }
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return cleared;
    if (WIFSTOPPED(status)) {
      ptrace(PTRACE_CONT, pid, nullptr, nullptr);
    } else {
      if (pid != main && !trace_is_thread(pid)) ++cleared;
      trace_changed(pid, status, rusage{});
    }
  }
}

/// One run while it goes on.
class Run {
 public:
  Run(const RunRequest& request, RunRecord& record) : request_(request), record_(record) {}

  void go(const char* path, char** argv) {
    Start start{path, argv, request_.traced, 0};
    set_padding(request_.pad_bytes < kMaxPad ? request_.pad_bytes : kMaxPad);
    lseek(0, 0, SEEK_SET);
    if (g_shared->output_rewinds != 0 && ftruncate(1, 0) == 0) lseek(1, 0, SEEK_SET);
    alignas(16) static char stack[16 * 1024];
    began_ns_ = now_ns();
    pid_ = clone(child_main, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &start);
    record_.exec_ns = now_ns() - began_ns_;
    record_.error = pid_ < 0 ? errno : start.error;
    record_.traced = start.traced && record_.error == 0;
    if (pid_ < 0) return;
    if (record_.traced) trace_begin(pid_, g_shared);
    wait_for_exit();
    record_.left_running = clear_away(pid_);
    if (g_shared->output_piped != 0) record_.output_bytes += drain_output();
    if (record_.traced) trace_end(record_);
  }

 private:
  void wait_for_exit() {
    while (!exited_) {
      pollfd fds[] = {{g_signal_fd, POLLIN, 0},
                      {kControlFd, POLLIN, 0},
                      {g_shared->output_piped != 0 ? kOutputFd : -1, POLLIN, 0}};
      const int ready = poll(fds, 3, patience_ms());
      const int64_t at_ns = now_ns() - began_ns_;
      if ((fds[2].revents & POLLIN) != 0) {
        if (record_.first_byte_ns < 0) record_.first_byte_ns = at_ns;
        record_.output_bytes += drain_output();
      }
      if ((fds[0].revents & POLLIN) != 0) take_changes(at_ns);
      if (exited_) return;
      if (fds[1].revents != 0) {
        record_.stopped = true;
        kill_main();
      } else if (request_.timeout_ns != 0 && at_ns >= int64_t(request_.timeout_ns)) {
        record_.timed_out = true;
        kill_main();
      } else if (ready == 0) {
        trace_look();
      }
    }
  }

  /// A millisecond more than is left, since poll counts in whole ones.
  int patience_ms() const {
    int64_t ms = -1;
    if (request_.timeout_ns != 0) {
      const int64_t left_ns = int64_t(request_.timeout_ns) - (now_ns() - began_ns_);
      ms = left_ns <= 0 ? 0 : left_ns / 1'000'000 + 1;
      if (ms > 3'600'000) ms = 3'600'000;
    }
    if (record_.traced && trace_process_count() > 1 && (ms < 0 || ms > 2)) ms = 2;
    return static_cast<int>(ms);
  }

  /// Asks no more: what is left of the run is only waited for.
  void kill_main() {
    kill(-pid_, SIGKILL);
    kill(pid_, SIGKILL);
    int status;
    rusage usage{};
    while (!exited_) {
      const pid_t pid = wait4(record_.traced ? -1 : pid_, &status, __WALL, &usage);
      if (pid < 0) return;
      changed(pid, status, usage, now_ns() - began_ns_);
    }
  }

  void take_changes(int64_t at_ns) {
    signalfd_siginfo info;
    if (read(g_signal_fd, &info, sizeof info) < 0) return;
    int status;
    rusage usage{};
    for (pid_t pid; (pid = wait4(-1, &status, __WALL | WNOHANG, &usage)) > 0;) {
      changed(pid, status, usage, at_ns);
      if (exited_) return;
    }
  }

  void changed(pid_t pid, int status, const rusage& usage, int64_t at_ns) {
    if (record_.traced) trace_changed(pid, status, usage);
    if (WIFSTOPPED(status) || pid != pid_) return;
    exited_ = true;
    record_.wall_ns = at_ns;
    record_.wait_status = status;
    record_.user_ns = ns_of(usage.ru_utime);
    record_.system_ns = ns_of(usage.ru_stime);
    record_.minor_faults = usage.ru_minflt;
    record_.major_faults = usage.ru_majflt;
    record_.voluntary_switches = usage.ru_nvcsw;
    record_.involuntary_switches = usage.ru_nivcsw;
    record_.max_rss_bytes = int64_t{usage.ru_maxrss} * 1024;
  }

  const RunRequest& request_;
  RunRecord& record_;
  int64_t began_ns_ = 0;
  pid_t pid_ = -1;
  bool exited_ = false;
};

bool word_waits() {
  pollfd control{kControlFd, POLLIN, 0};
  return poll(&control, 1, 0) > 0;
}

void run_batch() {
  constexpr size_t kMaxArguments = 32 * 1024;
  static char* argv[kMaxArguments + 1];
  uint32_t prepared = UINT32_MAX;
  const char* path = nullptr;
  for (uint32_t i = 0; i < g_shared->batch && !word_waits(); ++i) {
    const RunRequest& request = g_shared->requests[i];
    if (request.command != prepared) {
      const CommandText& command = g_shared->commands[request.command];
      char* text = g_shared->text + command.offset;
      path = text;
      const uint32_t argc = command.argc < kMaxArguments ? command.argc : kMaxArguments;
      for (uint32_t n = 0; n < argc; ++n) argv[n] = text += strlen(text) + 1;
      argv[argc] = nullptr;
      prepared = request.command;
    }
    g_shared->records[i] = RunRecord{};
    Run(request, g_shared->records[i]).go(path, argv);
    g_shared->done = i + 1;
  }
}

bool set_up() {
  struct stat status;
  if (fstat(kSharedFd, &status) != 0) return false;
  void* memory = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ | PROT_WRITE,
                      MAP_SHARED, kSharedFd, 0);
  if (memory == MAP_FAILED) return false;
  g_shared = static_cast<Shared*>(memory);
  for (int fd = kControlFd; fd <= kNullFd; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);

  size_t count = 0;
  while (environ[count] != nullptr) ++count;
  g_environment = static_cast<char**>(calloc(count + 2, sizeof(char*)));
  if (g_environment == nullptr) return false;
  memcpy(g_environment, environ, count * sizeof(char*));
  g_environment_end = g_environment + count;

  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  g_signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  return g_signal_fd >= 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

}  // namespace

int main() {
  if (!set_up()) return 1;
  for (char word; read(kControlFd, &word, 1) == 1;) {
    if (word != static_cast<char>(Word::kGo)) continue;
    g_shared->done = 0;
    run_batch();
    word = static_cast<char>(Word::kDone);
    if (write(kControlFd, &word, 1) != 1) return 1;
  }
  return 0;
}
