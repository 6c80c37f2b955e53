// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/result.h"
#include "base/os/fd.h"

namespace hf {

/// All of a file; an error names the path. Refuses files over `limit_bytes`.
Result<std::string> read_file(const std::string& path, size_t limit_bytes = 1U << 30);
/// All that can be read from a descriptor, from its current position.
Result<std::string> read_all(int fd, size_t limit_bytes = 1U << 30);
/// Writes beside the target, syncs, renames over it: the file is the old or the new, never between.
Result<void> write_file_atomically(const std::string& path, std::string_view content,
                                   unsigned mode = 0644);
Result<void> make_directories(const std::string& path, unsigned mode = 0755);

/// What changes when a file changes: cheap to ask, compared for equality only.
struct FileStamp {
  int64_t mtime_ns = 0;
  uint64_t size = 0;
  uint64_t inode = 0;
  bool operator==(const FileStamp&) const = default;
};
FileStamp file_stamp(int fd);

}  // namespace hf
