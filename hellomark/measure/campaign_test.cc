// SPDX-License-Identifier: Apache-2.0
#include "hellomark/measure/campaign.h"

#include <doctest/doctest.h>

#include "hellomark/measure/cold.h"
#include "hellomark/measure/recorder.h"

namespace hellomark {
namespace {

Contender contender(std::string name, std::vector<std::string> argv) {
  auto command = find_command(std::move(argv));
  REQUIRE(command.has_value());
  return {.name = std::move(name), .command = std::move(*command)};
}

Report measured(const std::vector<Contender>& contenders, const CampaignOptions& options) {
  auto report = run_campaign(contenders, options);
  REQUIRE_MESSAGE(report.has_value(), (report ? "" : report.error().message));
  return std::move(*report);
}

TEST_CASE("so many rounds are so many runs of each, beside first and traced ones") {
  const Report report =
      measured({contender("a", {"true"}), contender("b", {"sh", "-c", ":"})},
               {.memory_rounds = 3, .min_rounds = 7, .max_rounds = 7, .until = 0});
  for (const Row& row : report.rows) {
    CHECK(row.runs.size() == 7);
    CHECK(row.traced.size() == 3);
    CHECK(row.first.size() == 1);
    CHECK(row.trouble.empty());
  }
}

TEST_CASE("a command that fails ends the campaign, unless failures are ignored") {
  const std::vector<Contender> contenders{contender("bad", {"sh", "-c", "exit 3"})};
  const Report strict = measured(contenders, {.max_rounds = 5});
  CHECK(strict.rows[0].trouble == "ended with exit code 3");
  CHECK(strict.rows[0].runs.empty());
  const Report lenient =
      measured(contenders, {.min_rounds = 5, .max_rounds = 5, .ignore_failure = true});
  CHECK(lenient.rows[0].runs.size() == 5);
  CHECK(lenient.notes.back().find("runs failed and count all the same") != std::string::npos);
}

TEST_CASE("time ends a campaign that is not sure, but not before the fewest rounds") {
  const Report report = measured({contender("a", {"sleep", "0.01"})},
                                 {.min_rounds = 8, .until = 1e-9, .max_seconds = 0.001});
  CHECK(report.rows[0].runs.size() == 8);
}

TEST_CASE("rows that are sure may leave") {
  CampaignOptions options{.memory_rounds = 0, .min_rounds = 12, .max_rounds = 40, .until = 0.9};
  options.leave_when_sure = true;
  const Report report =
      measured({contender("a", {"true"}), contender("b", {"sleep", "0.002"})}, options);
  for (const Row& row : report.rows) CHECK(row.runs.size() >= 12);
}

TEST_CASE("preparation happens before each run and is not timed") {
  Contender slow = contender("a", {"true"});
  slow.prepare = contender("", {"sleep", "0.05"}).command;
  const Report report =
      measured({slow}, {.warmup_rounds = 0, .memory_rounds = 0, .min_rounds = 3, .max_rounds = 3});
  CHECK(report.elapsed_seconds > 4 * 0.05);
  for (const RunRecord& run : report.rows[0].runs) CHECK(wall_seconds(run) < 0.05);
}

TEST_CASE("preparation that fails is told as such") {
  Contender bad = contender("a", {"true"});
  bad.setup = contender("", {"false"}).command;
  const Report report = measured({bad}, {.max_rounds = 3});
  CHECK(report.rows[0].trouble ==
        "the command that sets up, prepares or cleans up ended with exit code 1");
}

TEST_CASE("cold files are the program's, its libraries' and its arguments'") {
  const Command command{"/bin/true", {"true", "/etc/passwd", "/nothing"}};
  const ColdFiles files(command,
                        "7f-80 r--p 0 00:00 1   /etc/group\n80-81 rw-p 0 00:00 0 [heap]\n");
  const auto outcome = files.evict();
  CHECK(outcome.pages >= 3);
  CHECK(outcome.still_cached <= outcome.pages);
}

TEST_CASE("the machine says what it is") {
  const Machine machine = look_at_machine();
  CHECK(machine.kernel.starts_with("Linux "));
  CHECK(machine.processors >= 1);
  CHECK(machine.memory_bytes > 1 << 20);
  CHECK(hash_of_file("/nothing").error().message.starts_with("/nothing: "));
  Machine bad;
  bad.processors = 2;
  bad.load = 9;
  bad.governor = "powersave";
  bad.memory_bytes = 1 << 30;
  bad.swap_used_bytes = 1 << 29;
  CHECK(bad.warnings().size() == 3);
}

TEST_CASE("failures in words") {
  CHECK(failure_of({}, 0).empty());
  CHECK(failure_of({.wait_status = 2 << 8}, 0) == "ended with exit code 2");
  CHECK(failure_of({.wait_status = 11}, 0) == "was killed by signal 11 (Segmentation fault)");
  CHECK(failure_of({.wait_status = 9, .timed_out = true}, 0.5) ==
        "did not end within 0.5 s and was killed");
  CHECK(failure_of({.error = ENOENT}, 0) == "could not be started: No such file or directory");
  CHECK(failure_of({.error = ENOEXEC}, 0).find("#! line") != std::string::npos);
}

TEST_CASE("a recording has looks in order, detail among them, and knows what it cost") {
  const auto report = record_contenders({contender("a", {"sleep", "0.1"})}, {});
  REQUIRE(report.has_value());
  const Timeline& timeline = report->rows[0].timelines.at(0);
  REQUIRE(timeline.samples.size() > 10);
  bool detail = false;
  for (size_t i = 0; i < timeline.samples.size(); ++i) {
    const Sample& sample = timeline.samples[i];
    if (i > 0) CHECK(sample.seconds > timeline.samples[i - 1].seconds);
    CHECK(sample.processes == 1);
    detail = detail || (sample.proportional_bytes > 0 &&
                        sample.proportional_bytes <= sample.resident_bytes + (1 << 20));
  }
  CHECK(detail);
  CHECK(timeline.sampler_cpu_seconds > 0);
}

TEST_CASE("a recording ends at its limit") {
  RecorderOptions options;
  options.timeline.limit_bytes = 30 << 20;
  const auto report = record_contenders(
      {contender("a", {"perl", "-e", "push @a, 'x' x (1e6 + @a) while 1"})}, options);
  REQUIRE(report.has_value());
  CHECK(report->rows[0].trouble.starts_with("reached the limit of 30 MiB"));
  CHECK(report->rows[0].traced.at(0).peak_bytes < 200 << 20);
}

}  // namespace
}  // namespace hellomark
