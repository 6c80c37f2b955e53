// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include <fmt/core.h>

#include "base/core/text.h"
#include "base/os/fd.h"
#include "hellomark/launch/embedded.h"
#include "hellomark/launch/launcher.h"

namespace hellomark {
namespace {

bool is_program(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

std::string absolute(std::string path) {
  if (path.starts_with('/')) return path;
  char* here = ::getcwd(nullptr, 0);
  if (here == nullptr) return path;
  std::string whole = fmt::format("{}/{}", here, path);
  std::free(here);
  return whole;
}

hf::Error fault_of(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return hf::sys_error(path);
  if (S_ISDIR(status.st_mode)) return {path + ": is a folder, not a program", EISDIR};
  if (!S_ISREG(status.st_mode)) return {path + ": is not a regular file", EACCES};
  return {path + ": is not executable; chmod +x it, or name its interpreter", EACCES};
}

}  // namespace

hf::Result<Command> find_command(std::vector<std::string> argv) {
  if (argv.empty() || argv[0].empty()) return hf::fail("the command is empty");
  const std::string& name = argv[0];
  if (name.find('/') != std::string::npos) {
    if (!is_program(name)) return hf::fail(fault_of(name));
    return Command{absolute(name), std::move(argv)};
  }
  const char* path = std::getenv("PATH");
  std::string near_miss;
  for (const auto folder : hf::split(path != nullptr ? path : "/usr/bin:/bin", ':')) {
    std::string whole = fmt::format("{}/{}", folder.empty() ? "." : folder, name);
    if (is_program(whole)) return Command{absolute(std::move(whole)), std::move(argv)};
    if (near_miss.empty() && ::access(whole.c_str(), F_OK) == 0) near_miss = whole;
  }
  if (!near_miss.empty()) return hf::fail(fault_of(near_miss));
  return hf::fail(hf::Error{fmt::format("{}: no such program in PATH", name), ENOENT});
}

hf::Result<Command> floor_command() {
  static const hf::Fd file = [] {
    hf::Fd fd(::memfd_create("hellomark-floor", MFD_CLOEXEC));
    const auto program = floor_program();
    if (fd && ::write(fd.get(), program.data(), program.size()) != ssize_t(program.size()))
      fd.reset();
    return fd;
  }();
  if (!file) return hf::fail(hf::sys_error("the floor program"));
  return Command{fmt::format("/proc/{}/fd/{}", ::getpid(), file.get()), {"floor"}};
}

}  // namespace hellomark
