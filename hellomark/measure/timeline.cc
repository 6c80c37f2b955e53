// SPDX-License-Identifier: Apache-2.0
//
// Problem. Memory over time at a thousand looks a second must not cost what it looks at.
//
// Idea. The launcher traces the tree and publishes which processes there are, so nothing is
// searched for. Each process's statm stays open and is read again by one pread; its CPU time is one
// clock_gettime on its own clock, in nanoseconds. smaps_rollup (PSS, private, swap) walks page
// tables, so it is read less often.
//
// Limits. Peaks between looks are missed here; the launcher has the exact one.
#include "hellomark/measure/timeline.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <optional>
#include <string_view>

#include <fmt/core.h>

#include "base/os/fd.h"

namespace hellomark {
namespace {

double seconds_on(clockid_t clock) {
  timespec now{};
  return ::clock_gettime(clock, &now) == 0 ? double(now.tv_sec) + double(now.tv_nsec) * 1e-9 : -1;
}

int64_t kib_after(const char* text, const char* key) {
  const char* found = std::strstr(text, key);
  return found == nullptr ? 0 : 1024 * std::strtoll(found + std::strlen(key), nullptr, 10);
}

/// A process while it is there.
class Watched {
 public:
  explicit Watched(pid_t pid)
      : pid_(pid),
        statm_(::open(fmt::format("/proc/{}/statm", pid).c_str(), O_RDONLY | O_CLOEXEC)) {
    if (::clock_getcpuclockid(pid, &clock_) != 0) clock_ = -1;
  }

  /// Adds what it holds now; the CPU time it was last seen with stays after its end.
  void add_to(Sample& sample) {
    static const long page = ::sysconf(_SC_PAGESIZE);
    std::array<char, 128> text{};
    if (statm_ && ::pread(statm_.get(), text.data(), text.size() - 1, 0) > 0) {
      char* resident = nullptr;
      std::strtoll(text.data(), &resident, 10);
      sample.resident_bytes += page * std::strtoll(resident, nullptr, 10);
    }
    if (clock_ != -1) cpu_seconds_ = std::max(cpu_seconds_, seconds_on(clock_));
    ++sample.processes;
  }

  void add_detail_to(Sample& sample) const {
    std::array<char, 2048> text{};
    const hf::Fd file(
        ::open(fmt::format("/proc/{}/smaps_rollup", pid_).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::read(file.get(), text.data(), text.size() - 1) <= 0) return;
    sample.proportional_bytes += kib_after(text.data(), "\nPss:");
    sample.private_bytes +=
        kib_after(text.data(), "\nPrivate_Clean:") + kib_after(text.data(), "\nPrivate_Dirty:");
    sample.swap_bytes += kib_after(text.data(), "\nSwap:");
  }

  double cpu_seconds() const { return cpu_seconds_; }

 private:
  pid_t pid_;
  hf::Fd statm_;
  clockid_t clock_ = -1;
  double cpu_seconds_ = 0;
};

class Sampler {
 public:
  explicit Sampler(const TimelineOptions& options)
      : detail_period_(options.detail_hertz > 0 ? 1 / options.detail_hertz : 0),
        limit_bytes_(options.limit_bytes) {
    timeline_.period_seconds = 1 / options.hertz;
  }

  /// False: it holds more than the limit.
  bool look(std::span<const pid_t> live) {
    if (live.empty()) return true;
    const double at = seconds_on(CLOCK_MONOTONIC);
    forget_all_but(live);
    Sample sample{.seconds = at - began_};
    for (const pid_t pid : live) {
      const auto [watched, fresh] = watched_.try_emplace(pid, pid);
      watched->second.add_to(sample);
      sample.cpu_seconds += watched->second.cpu_seconds();
    }
    sample.cpu_seconds += ended_cpu_;
    if (detail_period_ > 0 && at >= next_detail_) {
      sample.proportional_bytes = sample.private_bytes = sample.swap_bytes = 0;
      for (const pid_t pid : live) watched_.at(pid).add_detail_to(sample);
      next_detail_ = at + detail_period_;
    }
    if (sample.resident_bytes > 0) timeline_.samples.push_back(sample);
    return limit_bytes_ == 0 || sample.resident_bytes <= limit_bytes_;
  }

  Timeline finish() {
    timeline_.sampler_cpu_seconds = seconds_on(CLOCK_THREAD_CPUTIME_ID) - began_cpu_;
    return std::move(timeline_);
  }

 private:
  void forget_all_but(std::span<const pid_t> live) {
    for (auto it = watched_.begin(); it != watched_.end();) {
      if (std::ranges::find(live, it->first) != live.end()) {
        ++it;
      } else {
        ended_cpu_ += it->second.cpu_seconds();
        it = watched_.erase(it);
      }
    }
  }

  Timeline timeline_;
  std::map<pid_t, Watched> watched_;
  const double detail_period_;
  const int64_t limit_bytes_;
  const double began_ = seconds_on(CLOCK_MONOTONIC);
  const double began_cpu_ = seconds_on(CLOCK_THREAD_CPUTIME_ID);
  double next_detail_ = 0, ended_cpu_ = 0;
};

}  // namespace

hf::Result<Recording> record_memory(Launcher& launcher, const RunRequest& request,
                                    const TimelineOptions& options) {
  Sampler sampler(options);
  const Launcher::Watcher watcher{[&](std::span<const pid_t> live) { return sampler.look(live); },
                                  int64_t(1e9 / options.hertz)};
  RunRequest traced = request;
  traced.traced = true;
  HF_TRY_ASSIGN(const auto records, launcher.run({&traced, 1}, &watcher));
  if (records.empty()) return hf::fail("interrupted before the command was started");
  return Recording{records.front(), sampler.finish()};
}

}  // namespace hellomark
