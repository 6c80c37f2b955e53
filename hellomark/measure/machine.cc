// SPDX-License-Identifier: Apache-2.0
#include "hellomark/measure/machine.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>

#include <fmt/core.h>

#include "base/core/sha256.h"
#include "base/core/text.h"
#include "base/os/fd.h"

namespace hellomark {
namespace {

/// A small file, trimmed; empty if it cannot be read.
std::string read_small(const char* path) {
  const hf::Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  std::array<char, 16384> buffer;
  const ssize_t got = file ? ::read(file.get(), buffer.data(), buffer.size()) : 0;
  return std::string(hf::trim({buffer.data(), got > 0 ? static_cast<size_t>(got) : 0}));
}

/// What follows `key` and `separator` on the first line that begins with `key`.
std::string value_of(std::string_view text, std::string_view key, char separator) {
  for (const auto line : hf::split(text, '\n')) {
    const size_t at = line.find(separator);
    if (line.starts_with(key) && at != line.npos) return std::string(hf::trim(line.substr(at + 1)));
  }
  return {};
}

int64_t kib(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, 10) * 1024;
}

std::string unquoted(std::string text) {
  if (text.size() > 1 && text.front() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

std::string turbo_state() {
  const std::string off = read_small("/sys/devices/system/cpu/intel_pstate/no_turbo");
  if (!off.empty()) return off == "1" ? "off" : "on";
  const std::string boost = read_small("/sys/devices/system/cpu/cpufreq/boost");
  if (!boost.empty()) return boost == "1" ? "on" : "off";
  return {};
}

/// "always [madvise] never" becomes "madvise".
std::string chosen(const std::string& text) {
  const size_t open = text.find('['), close = text.find(']');
  return open == text.npos || close == text.npos ? text : text.substr(open + 1, close - open - 1);
}

int64_t cgroup_limit() {
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const int64_t limit = std::strtoll(read_small(path).c_str(), nullptr, 10);
    if (limit > 0 && limit < int64_t{1} << 60) return limit;
  }
  return 0;
}

}  // namespace

Machine look_at_machine() {
  Machine machine;
  machine.time = hf::format_utc(std::time(nullptr));
  machine.system = unquoted(value_of(read_small("/etc/os-release"), "PRETTY_NAME", '='));
  utsname names{};
  ::uname(&names);
  machine.kernel = fmt::format("{} {} {}", names.sysname, names.release, names.machine);
  machine.processor = value_of(read_small("/proc/cpuinfo"), "model name", ':');
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    machine.processors = CPU_COUNT(&allowed);
  machine.governor = read_small("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  machine.turbo = turbo_state();
  machine.transparent_huge_pages =
      chosen(read_small("/sys/kernel/mm/transparent_hugepage/enabled"));
  machine.address_randomization = read_small("/proc/sys/kernel/randomize_va_space");
  machine.load = std::strtod(read_small("/proc/loadavg").c_str(), nullptr);
  const std::string memory = read_small("/proc/meminfo");
  machine.memory_bytes = kib(value_of(memory, "MemTotal", ':'));
  machine.swap_used_bytes =
      kib(value_of(memory, "SwapTotal", ':')) - kib(value_of(memory, "SwapFree", ':'));
  machine.memory_limit_bytes = cgroup_limit();
  return machine;
}

std::vector<std::string> Machine::warnings() const {
  std::vector<std::string> found;
  if (!governor.empty() && governor != "performance")
    found.push_back(
        fmt::format("the processor's clock is governed by \"{}\"; \"performance\" is "
                    "steadier (cpupower frequency-set -g performance)",
                    governor));
  if (load > processors)
    found.push_back(
        fmt::format("the load is {:.1f} on {} processors: others run now; intervals "
                    "widen, and differences hold, since commands take turns",
                    load, processors));
  if (swap_used_bytes > memory_bytes / 50)
    found.push_back(fmt::format("{} MB are swapped out: memory figures are not to be trusted",
                                swap_used_bytes >> 20));
  return found;
}

hf::Result<std::string> hash_of_file(const std::string& path) {
  const hf::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return hf::fail(hf::sys_error(path));
  hf::Sha256 sum;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0) return hf::fail(hf::sys_error(path));
    if (got == 0) return sum.hex();
    sum.update({buffer.data(), static_cast<size_t>(got)});
  }
}

}  // namespace hellomark
