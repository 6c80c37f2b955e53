// SPDX-License-Identifier: Apache-2.0
//
// What was measured: the one model that every format of a report is made of.
#pragma once

#include <string>
#include <vector>

#include "base/core/stats.h"
#include "hellomark/launch/launcher.h"
#include "hellomark/measure/machine.h"
#include "hellomark/measure/timeline.h"

namespace hellomark {

/// One command and all its runs.
struct Row {
  std::string name;
  Command command;
  bool floor = false;             // the floor program, which is no contender
  std::string note;               // what a reader should know: a version, the work that is done
  std::vector<RunRecord> first;   // its first run, kept apart; none if it was not begun
  std::vector<RunRecord> runs;    // timed ones; the i-th is of the i-th round
  std::vector<RunRecord> traced;  // those for memory
  std::vector<Timeline> timelines;
  std::string trouble;  // why it was left off early
};

/// A number of each timed run.
std::vector<double> series(const Row& row, double (*of)(const RunRecord&));
double wall_seconds(const RunRecord& record);
double exec_seconds(const RunRecord& record);
/// From exec on: the program's own start-up. Negative: it wrote nothing.
double first_byte_seconds(const RunRecord& record);
/// From the first byte, or from exec if there is none, until the exit.
double rest_seconds(const RunRecord& record);
double user_seconds(const RunRecord& record);
double system_seconds(const RunRecord& record);
double page_faults(const RunRecord& record);
double context_switches(const RunRecord& record);

struct PeakMemory {
  std::vector<double> bytes;  // one a run
  bool exact = false;         // traced; else ru_maxrss, which is never below the launcher's half MB
};
PeakMemory peak_memory(const Row& row);

struct Report {
  std::string kind;  // "run", "memory", "hello", "alloc"
  Machine machine;
  std::string command_line;  // that repeats it
  std::vector<Row> rows;
  std::vector<std::string> notes;  // for people: what was odd
  uint64_t seed = 0;
  double elapsed_seconds = 0;
  bool interrupted = false;
};

/// The row that others are compared with: the one with the smallest median, floors apart; nullptr
/// if no row has runs.
const Row* fastest(const Report& report);

/// How many times longer `slow` takes than `fast`, in the rounds both were in.
hf::Comparison compare_rows(const Row& slow, const Row& fast);
/// "B is 3.10 times faster than A, 95 % interval 2.90 to 3.31 (in 100 % of 50 rounds)", or that it
/// is not sure, or that no difference was shown.
std::string sentence(const Row& slow, const Row& fast, const hf::Comparison& comparison);

}  // namespace hellomark
