// SPDX-License-Identifier: Apache-2.0
//
// Two reports of the same commands, from before and after a change.
//
// Problem. The reports are of two processes at two times, so no round is shared, and the machine
// may have drifted between. Idea: both hold a floor row; its change is what the machine did, and is
// told. A command has changed if the rank-sum test of the two series says so (at 0.1 %, for the few
// samples of memory at 1 %), and if the ratio of the medians is beyond a threshold (5 % unless
// told) that covers what differs from process to process.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/core/stats.h"

namespace hellomark {

/// What compare reads of a report: the commands' names and samples.
struct SavedRow {
  std::string name;
  bool floor = false;
  std::vector<double> wall_seconds;
  std::vector<double> peak_memory_bytes;
};
/// Reads what to_json() wrote. The error says what is missing or wrong.
hf::Result<std::vector<SavedRow>> parse_report(std::string_view json);

struct Change {
  std::string name;
  bool floor = false;
  std::string measure;           // "wall" or "peak memory"
  double before = 0, after = 0;  // medians, in seconds or bytes
  double ratio = 1;              // after / before
  double p = 1;
  bool slower = false, faster = false;  // for memory: larger, smaller
};
/// The commands that both reports have, in the order of `after`; `threshold` as a part, such as
/// 0.05.
std::vector<Change> changes(const std::vector<SavedRow>& before, const std::vector<SavedRow>& after,
                            double threshold);
std::string to_text(const std::vector<Change>& changes);

}  // namespace hellomark
