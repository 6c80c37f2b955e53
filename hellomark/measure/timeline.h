// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/core/result.h"
#include "hellomark/launch/launcher.h"

namespace hellomark {

/// What a tree of processes held and had used at one moment. Bytes are sums over its processes; a
/// page that two of them share is in `resident` twice, in `proportional` once.
struct Sample {
  double seconds = 0;  // since the command was started
  int64_t resident_bytes = 0;
  int64_t proportional_bytes = -1;  // these three: -1 where they were not read at this moment
  int64_t private_bytes = -1;
  int64_t swap_bytes = -1;
  double cpu_seconds = 0;  // user and system, of the processes there are and of those that ended
  int processes = 0;
};

struct Timeline {
  std::vector<Sample> samples;
  double period_seconds = 0;       // that was asked for
  double sampler_cpu_seconds = 0;  // what looking has cost us
};

struct TimelineOptions {
  double hertz = 1000;       // of resident size and CPU
  double detail_hertz = 20;  // of the proportional, private and swapped sizes, which cost more
  int64_t limit_bytes = 0;   // of resident size: a run that goes beyond is ended; 0: none
};

/// One traced run of `command` with its timeline.
struct Recording {
  RunRecord record;  // `stopped` if it went over the limit
  Timeline timeline;
};
hf::Result<Recording> record_memory(Launcher& launcher, const RunRequest& request,
                                    const TimelineOptions& options);

}  // namespace hellomark
