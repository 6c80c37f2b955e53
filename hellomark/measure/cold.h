// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "hellomark/launch/launcher.h"

namespace hellomark {

/// The files that a command reads as it starts, to be taken out of the page cache before each run:
/// those it maps, its program, and those its arguments name. Pages that other processes map cannot
/// be dropped.
class ColdFiles {
 public:
  /// `maps` is the text of /proc/PID/maps at the command's exit.
  ColdFiles(const Command& command, std::string_view maps);

  struct Outcome {
    size_t pages = 0;  // of all files
    size_t still_cached = 0;
  };
  Outcome evict() const;

 private:
  std::vector<std::string> files_;
};

}  // namespace hellomark
