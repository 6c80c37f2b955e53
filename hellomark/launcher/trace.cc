// SPDX-License-Identifier: Apache-2.0
#include "hellomark/launcher/trace.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hellomark {
namespace {

struct Task {
  pid_t id;
  pid_t process;
  int execs;  // beyond the one that began it
};

constexpr int kMaxTasks = 8192;
Task g_tasks[kMaxTasks];
int g_task_count, g_process_count, g_processes_ever;
int64_t g_peak, g_largest;
pid_t g_main;
Shared* g_shared;

/// Reads a small file of /proc whole; how much of `buffer` is filled, which then ends in NUL.
size_t read_proc(pid_t task, const char* name, char* buffer, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", static_cast<int>(task), name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  size_t filled = 0;
  for (ssize_t got = 0; fd >= 0 && filled + 1 < size; filled += static_cast<size_t>(got)) {
    got = read(fd, buffer + filled, size - 1 - filled);
    if (got <= 0) break;
  }
  if (fd >= 0) close(fd);
  buffer[filled] = '\0';
  return filled;
}

/// The number after `key` in a file of "key: number" lines; 0 if it is not there.
int64_t number_after(const char* text, const char* key) {
  const char* found = strstr(text, key);
  return found == nullptr ? 0 : strtoll(found + strlen(key), nullptr, 10);
}

Task* find(pid_t id) {
  for (int i = 0; i < g_task_count; ++i)
    if (g_tasks[i].id == id) return &g_tasks[i];
  return nullptr;
}

void publish() {
  uint32_t count = 0;
  for (int i = 0; i < g_task_count && count < kMaxLive; ++i)
    if (g_tasks[i].id == g_tasks[i].process)
      g_shared->live[count++].store(g_tasks[i].id, std::memory_order_relaxed);
  g_shared->live_count.store(count, std::memory_order_release);
}

void add(pid_t id) {
  if (g_task_count == kMaxTasks) return;
  char status[4096];
  read_proc(id, "status", status, sizeof status);
  const auto process = static_cast<pid_t>(number_after(status, "Tgid:"));
  g_tasks[g_task_count++] = {id, process == 0 ? id : process, 0};
  if (id != g_tasks[g_task_count - 1].process) return;
  ++g_process_count;
  ++g_processes_ever;
  publish();
}

/// A process takes its threads with it, also those that an exec has swallowed unseen.
void remove(pid_t id) {
  const bool process = !trace_is_thread(id);
  int kept = 0;
  for (int i = 0; i < g_task_count; ++i)
    if (g_tasks[i].id != id && !(process && g_tasks[i].process == id)) g_tasks[kept++] = g_tasks[i];
  g_task_count = kept;
  if (!process) return;
  --g_process_count;
  publish();
}

void saw(int64_t bytes) {
  if (bytes > g_largest) g_largest = bytes;
  if (bytes > g_peak) g_peak = bytes;
}

/// The peak of the task's image, which is still there while it stops at its exit.
void look_at_exit(pid_t id) {
  char status[4096];
  read_proc(id, "status", status, sizeof status);
  saw(1024 * number_after(status, "VmHWM:"));
  // The peak is brought up to date only when memory shrinks; the sum of the parts is of this
  // moment.
  saw(1024 * (number_after(status, "RssAnon:") + number_after(status, "RssFile:") +
              number_after(status, "RssShmem:")));
  if (g_shared->want_maps != 0 && id == g_main)
    g_shared->maps_bytes = static_cast<uint32_t>(read_proc(id, "maps", g_shared->maps, kMapsBytes));
}

void resume(pid_t id, int signal) {
  ptrace(PTRACE_CONT, id, nullptr, reinterpret_cast<void*>(static_cast<intptr_t>(signal)));
}

bool is_group_stop(pid_t id, int signal) {
  siginfo_t info;
  return (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) &&
         ptrace(PTRACE_GETSIGINFO, id, nullptr, &info) != 0;
}

void stopped(pid_t id, int status) {
  const int event = status >> 16;
  int signal = WSTOPSIG(status);
  Task* task = find(id);
  if (task == nullptr) {  // its first stop, which is of the tracing
    if (id == g_main)
      ptrace(PTRACE_SETOPTIONS, id, nullptr,
             PTRACE_O_EXITKILL | PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK |
                 PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE);
    add(id);
    if (signal == SIGSTOP || signal == SIGTRAP) signal = 0;
  } else if (event == PTRACE_EVENT_EXIT) {
    look_at_exit(id);
    if (id == task->process) trace_look();
  } else if (event == PTRACE_EVENT_EXEC) {
    ++task->execs;
  }
  if (event != 0 || is_group_stop(id, signal)) signal = 0;
  resume(id, signal);
}

}  // namespace

void trace_begin(pid_t main, Shared* shared) {
  g_task_count = g_process_count = g_processes_ever = 0;
  g_peak = g_largest = 0;
  g_main = main;
  g_shared = shared;
  g_shared->maps_bytes = 0;
}

void trace_changed(pid_t id, int status, const rusage& usage) {
  if (WIFSTOPPED(status)) return stopped(id, status);
  const Task* task = find(id);
  if (task == nullptr) return;
  if (task->execs > 0) saw(int64_t{usage.ru_maxrss} * 1024);
  remove(id);
}

void trace_look() {
  if (g_process_count < 2) return;
  int64_t sum = 0;
  for (int i = 0; i < g_task_count; ++i) {
    char text[4096];
    if (g_tasks[i].id != g_tasks[i].process) continue;
    read_proc(g_tasks[i].id, "smaps_rollup", text, sizeof text);
    sum += 1024 * number_after(text, "\nPss:");
  }
  if (sum > g_peak) g_peak = sum;
}

int trace_process_count() {
  return g_process_count;
}

bool trace_is_thread(pid_t id) {
  const Task* task = find(id);
  return task != nullptr && task->process != id;
}

void trace_kill_all() {
  for (int i = 0; i < g_task_count; ++i) kill(g_tasks[i].process, SIGKILL);
}

void trace_end(RunRecord& record) {
  record.peak_bytes = g_peak;
  record.largest_bytes = g_largest;
  record.processes = g_processes_ever;
  g_task_count = g_process_count = 0;
  publish();
}

}  // namespace hellomark
