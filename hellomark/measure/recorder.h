// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "hellomark/measure/campaign.h"
#include "hellomark/measure/timeline.h"

namespace hellomark {

struct RecorderOptions {
  LauncherOptions launcher;
  TimelineOptions timeline;
  double timeout_seconds = 0;  // of one run; 0: none
};

/// Runs each contender once and records its memory; one that fails leaves its trouble in its row
/// and the others go on. `tell` is called with each name before it is run.
hf::Result<Report> record_contenders(const std::vector<Contender>& contenders,
                                     const RecorderOptions& options,
                                     const std::function<void(const std::string&)>& tell = {});

}  // namespace hellomark
