// SPDX-License-Identifier: Apache-2.0
#include "hellomark/launch/launcher.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include <fmt/core.h>

#include "base/os/fd.h"
#include "hellomark/launch/embedded.h"
#include "hellomark/launch/interrupt.h"

namespace hellomark {

struct Launcher::State {
  hf::Fd control;
  Shared* shared = nullptr;
  size_t shared_bytes = 0;
  pid_t pid = -1;

  State() = default;
  State(const State&) = delete;
  ~State() {
    control.reset();  // it then kills what it runs, and goes
    while (pid > 0 && ::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
    if (shared != nullptr) ::munmap(shared, shared_bytes);
  }
};

namespace {

constexpr const char* kLauncherGone = "the launcher has ended unexpectedly; was it killed?";

int64_t now_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

hf::Result<hf::Fd> checked(int fd, std::string_view what) {
  if (fd < 0) return hf::fail(hf::sys_error(what));
  return hf::Fd(fd);
}

hf::Result<hf::Fd> launcher_file() {
  HF_TRY_ASSIGN(hf::Fd file, checked(::memfd_create("hellomark-launcher", MFD_CLOEXEC),
                                     "a file in memory for the launcher"));
  const auto program = launcher_program();
  if (::write(file.get(), program.data(), program.size()) != ssize_t(program.size()))
    return hf::fail(hf::sys_error("writing the launcher"));
  return file;
}

size_t text_bytes(std::span<const Command> commands) {
  size_t bytes = 0;
  for (const Command& command : commands) {
    bytes += command.path.size() + 1;
    for (const auto& word : command.argv) bytes += word.size() + 1;
  }
  return bytes;
}

void write_commands(std::span<const Command> commands, Shared& shared) {
  char* at = shared.text;
  const auto put = [&](const std::string& word) {
    std::memcpy(at, word.c_str(), word.size() + 1);
    at += word.size() + 1;
  };
  for (size_t i = 0; i < commands.size(); ++i) {
    shared.commands[i] = {static_cast<uint32_t>(at - shared.text),
                          static_cast<uint32_t>(commands[i].argv.size())};
    put(commands[i].path);
    for (const auto& word : commands[i].argv) put(word);
  }
}

/// The descriptors that the launcher is born with.
struct Streams {
  hf::Fd input, output, errors, output_reader;
};

hf::Result<Streams> open_streams(const LauncherOptions& options) {
  using Output = LauncherOptions::Output;
  Streams streams;
  const std::string input = options.input_file.empty() ? "/dev/null" : options.input_file;
  HF_TRY_ASSIGN(streams.input, checked(::open(input.c_str(), O_RDONLY | O_CLOEXEC), input));
  if (options.output == Output::kPipe) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return hf::fail(hf::sys_error("a pipe"));
    streams.output_reader = hf::Fd(ends[0]);
    streams.output = hf::Fd(ends[1]);
  } else if (options.output == Output::kInherit) {
    HF_TRY_ASSIGN(streams.output, checked(::fcntl(1, F_DUPFD_CLOEXEC, 10), "standard output"));
  } else {
    const bool null = options.output == Output::kNull;
    const std::string path = null ? "/dev/null" : options.output_file;
    HF_TRY_ASSIGN(streams.output,
                  checked(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666), path));
  }
  HF_TRY_ASSIGN(streams.errors,
                checked(options.show_errors ? ::fcntl(2, F_DUPFD_CLOEXEC, 10)
                                            : ::open("/dev/null", O_WRONLY | O_CLOEXEC),
                        "standard error"));
  return streams;
}

/// Starts the launcher's program. What it and its commands inherit (processor, addresses) is set on
/// ourselves for that moment.
hf::Result<pid_t> spawn(int program, const Streams& streams, int control, int shared,
                        const LauncherOptions& options) {
  HF_TRY_ASSIGN(hf::Fd null, checked(::open("/dev/null", O_WRONLY | O_CLOEXEC), "/dev/null"));
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  std::vector<hf::Fd> high;  // out of the way of the numbers they are moved to
  const auto give = [&](int from, int to) {
    high.emplace_back(::fcntl(from, F_DUPFD_CLOEXEC, 20));
    ::posix_spawn_file_actions_adddup2(&actions, high.back().get(), to);
  };
  give(streams.input.get(), 0);
  give(streams.output.get(), 1);
  give(streams.errors.get(), 2);
  give(control, kControlFd);
  give(shared, kSharedFd);
  give(streams.output_reader ? streams.output_reader.get() : null.get(), kOutputFd);
  give(null.get(), kNullFd);
  if (!options.directory.empty())
    ::posix_spawn_file_actions_addchdir_np(&actions, options.directory.c_str());
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  cpu_set_t before, one;
  const int persona = ::personality(0xffffffff);
  ::sched_getaffinity(0, sizeof before, &before);
  int error = 0;
  if (options.pin_cpu) {
    CPU_ZERO(&one);
    if (*options.pin_cpu < CPU_SETSIZE) CPU_SET(*options.pin_cpu, &one);
    if (::sched_setaffinity(0, sizeof one, &one) != 0) error = errno;
  }
  if (!options.aslr) ::personality(static_cast<unsigned long>(persona) | ADDR_NO_RANDOMIZE);
  const std::string path = fmt::format("/proc/{}/fd/{}", ::getpid(), program);  // ours, unmoved
  char name[] = "hellomark-launcher";
  char* argv[] = {name, nullptr};
  pid_t pid = -1;
  if (error == 0) error = ::posix_spawn(&pid, path.c_str(), &actions, &attributes, argv, environ);
  if (!options.aslr) ::personality(static_cast<unsigned long>(persona));
  if (options.pin_cpu) ::sched_setaffinity(0, sizeof before, &before);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0 && options.pin_cpu)
    return hf::fail(
        hf::sys_error(fmt::format("starting on processor {}", *options.pin_cpu), error));
  if (error != 0) return hf::fail(hf::sys_error("starting the launcher", error));
  return pid;
}

}  // namespace

Launcher::Launcher(std::unique_ptr<State> state) : state_(std::move(state)) {}
Launcher::Launcher(Launcher&&) noexcept = default;
Launcher& Launcher::operator=(Launcher&&) noexcept = default;
Launcher::~Launcher() = default;

hf::Result<Launcher> Launcher::start(std::span<const Command> commands,
                                     const LauncherOptions& options) {
  if (commands.size() > kMaxCommands)
    return hf::fail(fmt::format("{} commands are more than {}", commands.size(), kMaxCommands));
  auto state = std::make_unique<State>();
  HF_TRY_ASSIGN(Streams streams, open_streams(options));
  HF_TRY_ASSIGN(hf::Fd program, launcher_file());
  HF_TRY_ASSIGN(hf::Fd memory, checked(::memfd_create("hellomark-shared", MFD_CLOEXEC),
                                       "memory shared with the launcher"));
  state->shared_bytes = sizeof(Shared) + text_bytes(commands);
  if (::ftruncate(memory.get(), static_cast<off_t>(state->shared_bytes)) != 0)
    return hf::fail(hf::sys_error("memory shared with the launcher"));
  void* mapped =
      ::mmap(nullptr, state->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (mapped == MAP_FAILED) return hf::fail(hf::sys_error("memory shared with the launcher"));
  state->shared = static_cast<Shared*>(mapped);
  write_commands(commands, *state->shared);
  state->shared->output_piped = options.output == LauncherOptions::Output::kPipe;
  state->shared->output_rewinds = options.output == LauncherOptions::Output::kFile;

  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return hf::fail(hf::sys_error("a socket for the launcher"));
  state->control = hf::Fd(ends[0]);
  const hf::Fd theirs(ends[1]);
  HF_TRY_ASSIGN(state->pid, spawn(program.get(), streams, theirs.get(), memory.get(), options));
  return Launcher(std::move(state));
}

hf::Result<std::span<const RunRecord>> Launcher::run(std::span<const RunRequest> requests,
                                                     const Watcher* watcher) {
  HF_CHECK(requests.size() <= kMaxBatch, "a batch fits the shared memory");
  Shared& shared = *state_->shared;
  std::ranges::copy(requests, shared.requests);
  shared.batch = static_cast<uint32_t>(requests.size());
  const auto send = [&](Word word) {
    const char byte = static_cast<char>(word);
    return ::send(state_->control.get(), &byte, 1, MSG_NOSIGNAL) == 1;
  };
  if (!send(Word::kGo)) return hf::fail(kLauncherGone);

  int64_t next_ns = now_ns();
  for (bool stopping = false, enough = false;;) {
    if ((interrupted() != 0 || enough) && !std::exchange(stopping, true)) send(Word::kStop);
    pollfd control{state_->control.get(), POLLIN, 0};
    const int64_t left_ns = std::max<int64_t>(0, next_ns - now_ns());
    const timespec left{left_ns / 1'000'000'000, left_ns % 1'000'000'000};
    const int ready =
        ::ppoll(&control, 1, watcher != nullptr ? &left : nullptr, &interrupts_let_in());
    if (ready > 0) break;
    if (ready < 0 || watcher == nullptr) continue;
    pid_t live[kMaxLive];
    const uint32_t count = shared.live_count.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < count; ++i) live[i] = shared.live[i].load(std::memory_order_relaxed);
    enough = enough || !watcher->look({live, count});
    next_ns = std::max(next_ns + watcher->period_ns, now_ns());
  }
  char word;
  if (::recv(state_->control.get(), &word, 1, 0) != 1)
    return hf::fail(kLauncherGone);
  return std::span<const RunRecord>(shared.records, shared.done);
}

void Launcher::want_maps(bool want) {
  state_->shared->want_maps = want;
}

std::string Launcher::maps() const {
  return {state_->shared->maps, state_->shared->maps_bytes};
}

}  // namespace hellomark
