// SPDX-License-Identifier: Apache-2.0
#include "hellomark/measure/cold.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/core/text.h"
#include "base/os/fd.h"

namespace hellomark {
namespace {

/// How many of the file's pages are in the cache.
size_t cached_pages(int file, size_t bytes, size_t pages) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return pages;
  std::vector<unsigned char> states(pages);
  size_t cached = pages;
  if (::mincore(memory, bytes, states.data()) == 0)
    cached =
        static_cast<size_t>(std::ranges::count_if(states, [](auto s) { return (s & 1) != 0; }));
  ::munmap(memory, bytes);
  return cached;
}

}  // namespace

ColdFiles::ColdFiles(const Command& command, std::string_view maps) {
  std::set<std::string> found{command.path};
  for (const auto& word : command.argv) found.insert(word);
  for (const auto line : hf::split(maps, '\n'))
    if (const size_t at = line.find('/'); at != line.npos) found.emplace(line.substr(at));
  for (const auto& file : found) {
    struct stat status;
    if (::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
      files_.push_back(file);
  }
}

ColdFiles::Outcome ColdFiles::evict() const {
  static const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  Outcome outcome;
  for (const auto& path : files_) {
    const hf::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status;
    if (!file || ::fstat(file.get(), &status) != 0 || status.st_size == 0) continue;
    ::fdatasync(file.get());  // dirty pages stay
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    const auto bytes = static_cast<size_t>(status.st_size);
    const size_t pages = (bytes + page - 1) / page;
    outcome.pages += pages;
    outcome.still_cached += cached_pages(file.get(), bytes, pages);
  }
  return outcome;
}

}  // namespace hellomark
