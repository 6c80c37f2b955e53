// SPDX-License-Identifier: Apache-2.0
//
// What hellomark and its launcher say to each other: a block of shared memory with the commands,
// the runs that are asked for and what came of them, and a socket on which one byte says "go on".
// Both are of one build, so the layout needs no version.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hellomark {

inline constexpr size_t kMaxBatch = 256;      // runs asked for at once
inline constexpr size_t kMaxCommands = 1024;  // in one launcher
inline constexpr size_t kMaxLive = 1024;      // processes of one run that a sampler can see
inline constexpr size_t kMaxPad = 4096;       // bytes of environment padding
inline constexpr size_t kMapsBytes = 256 * 1024;

/// Descriptors that the launcher is started with; 0, 1 and 2 are those of the commands.
inline constexpr int kControlFd = 3, kSharedFd = 4, kOutputFd = 5, kNullFd = 6;

/// What the socket carries. To the launcher: kGo, and kStop to end a batch early. Back: kDone.
enum class Word : char { kGo = 'g', kStop = 's', kDone = 'd' };

/// One run to do. Times are nanoseconds throughout.
struct RunRequest {
  uint32_t command = 0;
  uint32_t pad_bytes = 0;   // length of the variable HELLOMARK_PAD; 0: none
  uint64_t timeout_ns = 0;  // 0: none
  bool traced = false;      // exact memory of the whole tree, at the cost of its speed
};

/// What came of a run.
struct RunRecord {
  int64_t exec_ns = 0;  // from before the process is made until the new program's image is in
  int64_t first_byte_ns = -1;  // from the same start until output could be read; -1: none was
  int64_t wall_ns = 0;         // … until its exit was seen
  int64_t user_ns = 0, system_ns = 0;
  int64_t minor_faults = 0, major_faults = 0;
  int64_t voluntary_switches = 0, involuntary_switches = 0;
  int64_t max_rss_bytes = 0;  // the kernel's ru_maxrss, never below the launcher's own
  int64_t output_bytes = 0;   // as far as it went through the pipe
  int64_t peak_bytes = 0;     // traced runs: of the tree; see launcher.cc
  int64_t largest_bytes = 0;  // traced runs: of its largest process
  int32_t processes = 0;      // traced runs: how many there were in all
  int32_t wait_status = 0;    // as wait(2) gives it
  int32_t error = 0;          // errno of a run that could not start
  int32_t left_running = 0;   // processes that outlived the command and were killed
  bool timed_out = false;
  bool traced = false;   // false in a traced run: the kernel forbids tracing
  bool stopped = false;  // killed because hellomark asked for it
};

/// Where in `text` a command's strings stand, each ending in NUL: the path, then argv[0] and on.
struct CommandText {
  uint32_t offset = 0;
  uint32_t argc = 0;
};

struct Shared {
  uint32_t batch = 0;           // valid requests
  uint32_t done = 0;            // valid records
  uint32_t output_piped = 0;    // kOutputFd is the reading end of the commands' output
  uint32_t output_rewinds = 0;  // … their output is a file, emptied before each run
  uint32_t want_maps = 0;       // traced runs leave /proc/PID/maps of their first process in `maps`
  uint32_t maps_bytes = 0;
  RunRequest requests[kMaxBatch];
  RunRecord records[kMaxBatch];
  CommandText commands[kMaxCommands];
  std::atomic<uint32_t> live_count;
  std::atomic<pid_t> live[kMaxLive];  // traced runs: the processes there are now
  char maps[kMapsBytes];
  char text[1];  // as long as the commands need
};
static_assert(std::atomic<pid_t>::is_always_lock_free);

}  // namespace hellomark
