// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/core/result.h"

namespace hellomark {

/// The machine as it was when the measurement began: what numbers depend on beside the command.
struct Machine {
  std::string time;    // UTC
  std::string system;  // "Debian GNU/Linux 12 (bookworm)"
  std::string kernel;
  std::string processor;
  int processors = 0;                                   // that we may use
  std::string governor, turbo, transparent_huge_pages;  // empty: the kernel does not say
  std::string address_randomization;
  double load = 0;  // of the last minute
  int64_t memory_bytes = 0, swap_used_bytes = 0;
  int64_t memory_limit_bytes = 0;  // of our control group; 0: none
  /// What in this makes the numbers worth less, each with its remedy.
  std::vector<std::string> warnings() const;
};
Machine look_at_machine();

/// SHA-256 of a file.
hf::Result<std::string> hash_of_file(const std::string& path);

}  // namespace hellomark
