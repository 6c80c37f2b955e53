// SPDX-License-Identifier: Apache-2.0
//
// A campaign: several commands, run in rounds until their medians are sure.
//
// Problem. Two numbers compare only if the machine was the same for both, and machines drift, burst
// and differ from one start of a process to the next. Blocks of runs, one command after the other,
// measure the drift as well.
//
// Idea. A round runs each command once, in a random order, from one launcher. The launcher gets as
// many rounds at once as fit a tenth of a second, so that nothing else wakes while it works. The
// campaign looks at its intervals between batches, each time a tenth more rounds are done, and ends
// when all are narrow enough. Stopping looks at widths alone, never at differences, so that
// it does not prefer rounds with a lucky one.
//
// Limits. What the order of addresses and the size of the environment do to speed is made part of
// the spread (random padding, and the kernel's randomization of addresses), not removed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "hellomark/measure/report.h"

namespace hellomark {

/// A command to be measured, with what goes on around it.
struct Contender {
  std::string name;
  Command command;
  std::string note;
  std::optional<Command> setup, prepare, cleanup;  // once before, before each run, once after
  bool floor = false;
};

struct CampaignOptions {
  LauncherOptions launcher;
  size_t warmup_rounds = 1;     // beside the first run, which always stands apart
  size_t memory_rounds = 5;     // traced; 1 for commands that take more than half a second
  size_t min_rounds = 12;       // the fewest of which a difference can be said
  size_t max_rounds = 0;        // 0: no end but the others
  double until = 0.01;          // of every median; 0: not an end
  double max_seconds = 0;       // of timed rounds; 0: not an end
  double timeout_seconds = 0;   // of one run; 0: none
  bool ignore_failure = false;  // runs that fail count all the same
  bool env_pad = true;
  bool cold = false;
  bool leave_when_sure = false;  // rows that are sure enough sit out the rounds that others need
  uint64_t seed = 0;
};

/// Told between batches.
struct Progress {
  double seconds = 0;
  size_t rounds = 0;
  const Report* report = nullptr;
  const Row* widest = nullptr;  // the row that is least sure
  hf::Summary summary;          // of its wall time
};

/// Measures. An Error means that nothing was; trouble on the way is in the report's rows, an
/// interrupt in `interrupted`, and what was measured until then stays.
hf::Result<Report> run_campaign(const std::vector<Contender>& contenders,
                                const CampaignOptions& options,
                                const std::function<void(const Progress&)>& progress = {});

/// Why a run counts as failed ("ended with exit code 3"); empty: it does not.
std::string failure_of(const RunRecord& record, double timeout_seconds);

}  // namespace hellomark
