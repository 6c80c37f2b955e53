// SPDX-License-Identifier: Apache-2.0
#include "hellomark/measure/recorder.h"

#include <chrono>

#include <fmt/core.h>

#include "hellomark/launch/interrupt.h"

namespace hellomark {
namespace {

std::string outcome_of(const RunRecord& record, const RecorderOptions& options) {
  if (record.stopped && interrupted() != 0) return "was interrupted";
  if (record.stopped)
    return fmt::format("reached the limit of {} MiB after {:.2f} s",
                       options.timeline.limit_bytes >> 20, wall_seconds(record));
  return failure_of(record, options.timeout_seconds);
}

}  // namespace

hf::Result<Report> record_contenders(const std::vector<Contender>& contenders,
                                     const RecorderOptions& options,
                                     const std::function<void(const std::string&)>& tell) {
  Report report;
  report.machine = look_at_machine();
  report.notes = report.machine.warnings();
  std::vector<Command> commands;
  for (const Contender& contender : contenders) commands.push_back(contender.command);
  HF_TRY_ASSIGN(Launcher launcher, Launcher::start(commands, options.launcher));
  const auto began = std::chrono::steady_clock::now();
  for (size_t i = 0; i < contenders.size() && interrupted() == 0; ++i) {
    const Contender& contender = contenders[i];
    if (tell) tell(contender.name);
    const RunRequest request{.command = static_cast<uint32_t>(i),
                             .timeout_ns = static_cast<uint64_t>(options.timeout_seconds * 1e9)};
    HF_TRY_ASSIGN(Recording recording, record_memory(launcher, request, options.timeline));
    Row row{.name = contender.name, .command = contender.command, .note = contender.note};
    row.trouble = outcome_of(recording.record, options);
    if (!recording.record.traced && recording.record.error == 0)
      report.notes.push_back(contender.name +
                             ": the kernel forbids tracing; only ru_maxrss is known");
    row.traced.push_back(recording.record);
    row.timelines.push_back(std::move(recording.timeline));
    report.rows.push_back(std::move(row));
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  report.elapsed_seconds = elapsed.count();
  report.interrupted = interrupted() != 0;
  return report;
}

}  // namespace hellomark
