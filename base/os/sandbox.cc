// SPDX-License-Identifier: Apache-2.0
#include "base/os/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include <fmt/format.h>
#include <seccomp.h>

#include "base/os/fd.h"

namespace hf {
namespace {

// Rights that came after the headers of Debian 12 (landlock(7), "Landlock ABI versions").
constexpr uint64_t kTruncate = 1ULL << 14;  // ABI 3
constexpr uint64_t kIoctlDev = 1ULL << 15;  // ABI 5

constexpr uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t kWrite = kRead | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                            LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                            LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                            LANDLOCK_ACCESS_FS_REFER | kTruncate;
/// The rights that make sense for something that is no folder; the kernel refuses others there.
constexpr uint64_t kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                              LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate | kIoctlDev;

/// All that a kernel of this ABI can deny.
uint64_t deniable(int abi) {
  uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kIoctlDev;
  return rights;
}

std::string shortfall_of(int abi) {
  if (abi == 0) return "this kernel has no Landlock: only permissions and seccomp guard the files";
  std::string what;
  if (abi < 3) what = "truncating files";
  if (abi < 5) what += std::string(what.empty() ? "" : " and ") + "ioctl on device files";
  return what.empty() ? what : fmt::format("Landlock ABI {} cannot deny {}", abi, what);
}

Result<void> allow(int ruleset, const LandlockRule& rule, uint64_t handled) {
  const Fd place(::open(rule.path.c_str(), O_PATH | O_CLOEXEC));
  struct stat st{};
  if (!place || ::fstat(place.get(), &st) != 0) return fail(sys_error(rule.path));
  landlock_path_beneath_attr beneath{};
  beneath.parent_fd = place.get();
  beneath.allowed_access = (rule.write ? kWrite : kRead) & handled;
  if (!S_ISDIR(st.st_mode)) beneath.allowed_access &= kOfFiles;
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
    return fail(sys_error(rule.path));
  return {};
}

}  // namespace

Result<void> set_no_new_privs() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(sys_error("no_new_privs"));
  return {};
}

Result<void> SyscallFilter::apply(std::span<const char* const> names) const {
  const uint32_t action =
      otherwise_ == Otherwise::kKill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS);
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(::seccomp_init(action),
                                                                ::seccomp_release);
  if (!filter) return fail("seccomp: no filter could be made");
  // The calls of another architecture are numbered otherwise, so the list says nothing of them.
  if (const int rc = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, action); rc != 0)
    return fail(sys_error("seccomp", -rc));
  for (const char* name : names) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
      return fail(fmt::format("seccomp: libseccomp knows no system call \"{}\"", name));
    if (number < 0) continue;  // one of other processors
    if (const int rc = ::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, number, 0); rc != 0)
      return fail(sys_error(fmt::format("seccomp: allowing {}", name), -rc));
  }
  if (const int rc = ::seccomp_load(filter.get()); rc != 0)
    return fail(sys_error("seccomp: loading the filter", -rc));
  return {};
}

Result<LandlockReport> confine_files(std::span<const LandlockRule> rules) {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0 && errno != ENOSYS && errno != EOPNOTSUPP) return fail(sys_error("Landlock"));
  const int abi = version < 0 ? 0 : static_cast<int>(version);
  LandlockReport report{abi, shortfall_of(abi)};
  if (abi == 0) return report;

  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = deniable(abi);
  const Fd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!ruleset) return fail(sys_error("Landlock: making the rules"));
  for (const LandlockRule& rule : rules)
    if (auto allowed = allow(ruleset.get(), rule, attributes.handled_access_fs); !allowed)
      return fail(std::move(allowed).error().within("Landlock"));
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return fail(sys_error("Landlock: closing the file system"));
  return report;
}

}  // namespace hf
