// SPDX-License-Identifier: Apache-2.0
#include "base/os/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

namespace hf {

Result<std::string> read_all(int fd, size_t limit_bytes) {
  std::string out;
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n == 0) return out;
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail(sys_error("reading"));
    }
    if (out.size() + static_cast<size_t>(n) > limit_bytes)
      return fail(fmt::format("larger than the limit of {} bytes", limit_bytes));
    out.append(buffer, static_cast<size_t>(n));
  }
}

Result<std::string> read_file(const std::string& path, size_t limit_bytes) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(sys_error(path));
  auto text = read_all(fd.get(), limit_bytes);
  if (!text) return fail(std::move(text).error().within(path));
  return text;
}

Result<void> write_file_atomically(const std::string& path, std::string_view content,
                                   unsigned mode) {
  const std::string beside = path + ".new";
  Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd) return fail(sys_error(beside));
  while (!content.empty()) {
    const ssize_t n = ::write(fd.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const Error error = sys_error(beside);
      ::unlink(beside.c_str());
      return fail(error);
    }
    content.remove_prefix(static_cast<size_t>(n));
  }
  if (::fsync(fd.get()) != 0) return fail(sys_error(beside));
  fd.reset();
  if (::rename(beside.c_str(), path.c_str()) != 0) return fail(sys_error(path));

  const std::string parent = std::filesystem::path(path).parent_path().string();
  const Fd dir(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (dir) ::fsync(dir.get());
  return {};
}

Result<void> make_directories(const std::string& path, unsigned mode) {
  std::string part;
  for (size_t at = 0; at != std::string::npos;) {
    at = path.find('/', at + 1);
    part = path.substr(0, at);
    if (!part.empty() && ::mkdir(part.c_str(), mode) != 0 && errno != EEXIST)
      return fail(sys_error(part));
  }
  return {};
}

FileStamp file_stamp(int fd) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return {};
  return {st.st_mtim.tv_sec * 1'000'000'000LL + st.st_mtim.tv_nsec,
          static_cast<uint64_t>(st.st_size), st.st_ino};
}

}  // namespace hf
