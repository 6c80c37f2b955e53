// SPDX-License-Identifier: Apache-2.0
//
// Giving up rights for good. Each is to be called before any thread is started; what a process
// gives up, its later threads and children lack too.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/core/result.h"

namespace hf {

/// No exec() can give more rights than there are now (prctl(2), PR_SET_NO_NEW_PRIVS). The other
/// two need it.
Result<void> set_no_new_privs();

/// Lets only named system calls through (seccomp(2)).
class SyscallFilter {
 public:
  /// What becomes of a process that makes another one.
  enum class Otherwise : uint8_t {
    kKill,   // it dies of SIGSYS
    kNoSys,  // the call fails with ENOSYS, which shows what a list lacks without a core dump
  };
  explicit SyscallFilter(Otherwise otherwise = Otherwise::kKill) : otherwise_(otherwise) {}

  /// Closes the filter. Names are those of syscalls(2); one that this processor's kernel never had
  /// is passed over, one that nobody knows is an error.
  Result<void> apply(std::span<const char* const> names) const;

 private:
  Otherwise otherwise_;
};

/// A file or folder, with all below it, that stays open to the process: for reading, or for
/// reading, writing, creating and deleting. It must exist.
struct LandlockRule {
  std::string path;
  bool write = false;
};

struct LandlockReport {
  int abi = 0;            // the kernel's version of Landlock; 0: it has none, nothing is confined
  std::string shortfall;  // what this kernel cannot confine; empty: nothing is missing
};

/// Closes the file system (landlock(7)) but for `rules`; what is open already stays usable. An old
/// kernel is no error: the report says what it left open.
Result<LandlockReport> confine_files(std::span<const LandlockRule> rules);

}  // namespace hf
