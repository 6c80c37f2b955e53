// SPDX-License-Identifier: Apache-2.0
#include "base/os/sandbox.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "base/os/file.h"

namespace {

/// The wait status of `body`, run in a process of its own.
template <class Body>
int status_of(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

constexpr const char* kFewCalls[] = {"exit_group", "getuid", "write", "sigaltstack", "munmap"};

/// errno of opening, or 0.
int open_error(const std::string& path, int flags) {
  const hf::Fd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  return fd ? 0 : errno;
}

}  // namespace

TEST_CASE("no_new_privs is set") {
  const int status = status_of([] {
    if (!hf::set_no_new_privs()) return 1;
    return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 2;
  });
  CHECK(status == 0);
}

TEST_CASE("a system call off the list kills, one on it does not") {
  const int allowed = status_of([] {
    if (!hf::SyscallFilter().apply(kFewCalls)) return 1;
    ::syscall(SYS_getuid);
    return 0;
  });
  CHECK(allowed == 0);

  const int forbidden = status_of([] {
    if (!hf::SyscallFilter().apply(kFewCalls)) return 1;
    ::syscall(SYS_getppid);
    return 0;
  });
  REQUIRE(WIFSIGNALED(forbidden));
  CHECK(WTERMSIG(forbidden) == SIGSYS);
}

TEST_CASE("the forgiving filter answers ENOSYS") {
  const int status = status_of([] {
    if (!hf::SyscallFilter(hf::SyscallFilter::Otherwise::kNoSys).apply(kFewCalls)) return 1;
    return ::syscall(SYS_getppid) == -1 && errno == ENOSYS ? 0 : 2;
  });
  CHECK(status == 0);
}

TEST_CASE("a name of another processor is passed over, an unknown one is an error") {
  const int status = status_of([] {
    constexpr const char* kNames[] = {"exit_group", "munmap", "sigaltstack", "arm_fadvise64_64"};
    return hf::SyscallFilter(hf::SyscallFilter::Otherwise::kNoSys).apply(kNames) ? 0 : 1;
  });
  CHECK(status == 0);

  constexpr const char* kTypo[] = {"exit_group", "raed"};
  const auto applied = hf::SyscallFilter().apply(kTypo);
  REQUIRE_FALSE(applied);
  CHECK(applied.error().message == "seccomp: libseccomp knows no system call \"raed\"");
}

TEST_CASE("files outside the rules are closed, files inside are open") {
  char name[] = "/tmp/hf_sandbox_XXXXXX";
  const std::string folder = ::mkdtemp(name);
  for (const char* sub : {"/read", "/write", "/none"}) {
    REQUIRE(hf::make_directories(folder + sub));
    REQUIRE(hf::write_file_atomically(folder + sub + "/file", "content"));
  }
  REQUIRE(hf::write_file_atomically(folder + "/alone", "content"));

  const int status = status_of([&] {
    const hf::Fd before(::open((folder + "/none/file").c_str(), O_RDONLY | O_CLOEXEC));
    const std::vector<hf::LandlockRule> rules = {
        {folder + "/read"}, {folder + "/write", true}, {folder + "/alone", true}};
    if (!hf::set_no_new_privs()) return 1;
    const auto report = hf::confine_files(rules);
    if (!report) return 2;
    if (report->abi == 0) return report->shortfall.empty() ? 3 : 99;
    if (report->abi >= 5 && !report->shortfall.empty()) return 4;

    if (open_error(folder + "/read/file", O_RDONLY) != 0) return 10;
    if (open_error(folder + "/read/file", O_WRONLY) != EACCES) return 11;
    if (open_error(folder + "/read/new", O_WRONLY | O_CREAT) != EACCES) return 12;
    if (open_error(folder + "/write/file", O_RDWR | O_TRUNC) != 0) return 13;
    if (open_error(folder + "/write/new", O_WRONLY | O_CREAT) != 0) return 14;
    if (::unlink((folder + "/write/new").c_str()) != 0) return 15;
    if (open_error(folder + "/alone", O_RDWR) != 0) return 16;
    if (open_error(folder + "/none/file", O_RDONLY) != EACCES) return 17;
    if (open_error("/etc/passwd", O_RDONLY) != EACCES) return 18;
    int in_thread = 0;
    std::thread([&] { in_thread = open_error("/etc/passwd", O_RDONLY); }).join();
    if (in_thread != EACCES) return 19;
    char c;
    return ::read(before.get(), &c, 1) == 1 ? 0 : 20;  // what was open stays usable
  });
  std::filesystem::remove_all(folder);
  if (status != 0 && WIFEXITED(status) && WEXITSTATUS(status) == 99) {
    MESSAGE("this kernel has no Landlock: only its report was tested");
    return;
  }
  CHECK(status == 0);
}

TEST_CASE("without rules no file can be opened") {
  const int status = status_of([] {
    if (!hf::set_no_new_privs()) return 1;
    const auto report = hf::confine_files({});
    if (!report) return 2;
    return report->abi == 0 || open_error("/etc/passwd", O_RDONLY) == EACCES ? 0 : 3;
  });
  CHECK(status == 0);
}

TEST_CASE("a rule for a path that does not exist is an error that names it") {
  const int status = status_of([] {
    const hf::LandlockRule rule{"/nowhere/at/all"};
    const auto report = hf::confine_files({&rule, 1});
    if (report) return report->abi == 0 ? 0 : 1;
    return report.error().message.find("/nowhere/at/all") != std::string::npos ? 0 : 2;
  });
  CHECK(status == 0);
}
