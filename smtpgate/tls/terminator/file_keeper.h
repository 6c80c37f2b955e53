// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/core/result.h"
#include "base/os/fd.h"

namespace smtpgate {

/// A small process that opens the certificates' files for one that may open none.
///
/// Problem: keys are root's alone and are replaced by renaming, so a terminator that has given up
/// its rights could read a renewed key neither by path nor by a descriptor that it kept. Idea: a
/// child forked before the rights are given up, which opens the files that it was told of then, by
/// their number, and passes the descriptor. It reads neither a file nor a byte from a client; it
/// ends when this object goes, or the process that has it. Cost: 1 MB.
class FileKeeper {
 public:
  /// Forks; the calling process must have one thread and may hold no descriptors that the child
  /// should keep.
  static hf::Result<FileKeeper> start(std::vector<std::string> paths);

  /// The content of one of `paths`, as it is now. Waits for the child.
  hf::Result<std::string> read(const std::string& path) const;

 private:
  FileKeeper(std::vector<std::string> paths, hf::Fd socket)
      : paths_(std::move(paths)), socket_(std::move(socket)) {}

  std::vector<std::string> paths_;
  hf::Fd socket_;
};

}  // namespace smtpgate
