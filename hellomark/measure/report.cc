// SPDX-License-Identifier: Apache-2.0
#include "hellomark/measure/report.h"

#include <algorithm>

#include <fmt/core.h>

namespace hellomark {
namespace {

constexpr double kNs = 1e-9;

}  // namespace

std::vector<double> series(const Row& row, double (*of)(const RunRecord&)) {
  std::vector<double> values;
  values.reserve(row.runs.size());
  for (const RunRecord& record : row.runs) values.push_back(of(record));
  return values;
}

double wall_seconds(const RunRecord& record) {
  return double(record.wall_ns) * kNs;
}
double exec_seconds(const RunRecord& record) {
  return double(record.exec_ns) * kNs;
}
double first_byte_seconds(const RunRecord& record) {
  return record.first_byte_ns < 0 ? -1 : double(record.first_byte_ns - record.exec_ns) * kNs;
}
double rest_seconds(const RunRecord& record) {
  return double(record.wall_ns - std::max(record.exec_ns, record.first_byte_ns)) * kNs;
}
double user_seconds(const RunRecord& record) {
  return double(record.user_ns) * kNs;
}
double system_seconds(const RunRecord& record) {
  return double(record.system_ns) * kNs;
}
double page_faults(const RunRecord& record) {
  return double(record.minor_faults + record.major_faults);
}
double context_switches(const RunRecord& record) {
  return double(record.voluntary_switches + record.involuntary_switches);
}

PeakMemory peak_memory(const Row& row) {
  PeakMemory peak;
  for (const RunRecord& record : row.traced)
    if (record.traced) peak.bytes.push_back(double(record.peak_bytes));
  peak.exact = !peak.bytes.empty();
  if (!peak.exact)
    peak.bytes = series(row, [](const RunRecord& r) { return double(r.max_rss_bytes); });
  return peak;
}

const Row* fastest(const Report& report) {
  const Row* best = nullptr;
  double least = 0;
  for (const Row& row : report.rows) {
    if (row.floor || row.runs.empty()) continue;
    const double median = hf::summarize(series(row, wall_seconds)).median;
    if (best == nullptr || median < least) {
      best = &row;
      least = median;
    }
  }
  return best;
}

hf::Comparison compare_rows(const Row& slow, const Row& fast) {
  auto a = series(slow, wall_seconds), b = series(fast, wall_seconds);
  const size_t rounds = std::min(a.size(), b.size());
  return hf::compare_paired(std::span(a).first(rounds), std::span(b).first(rounds));
}

std::string sentence(const Row& slow, const Row& fast, const hf::Comparison& comparison) {
  const bool turned = comparison.ratio < 1;
  const hf::Interval interval =
      turned ? hf::Interval{1 / comparison.ratio_95.high, 1 / comparison.ratio_95.low}
             : comparison.ratio_95;
  const double ratio = turned ? 1 / comparison.ratio : comparison.ratio;
  const int digits = ratio < 2 ? 3 : ratio < 20 ? 2 : 1;
  const double share = turned ? 1 - comparison.a_larger : comparison.a_larger;
  const std::string found = fmt::format(
      "{0} is {2:.{5}f} times faster than {1}, 95 % interval {3:.{5}f} to {4:.{5}f} (in {6:.0f} % "
      "of "
      "{7} rounds)",
      turned ? slow.name : fast.name, turned ? fast.name : slow.name, ratio, interval.low,
      interval.high, digits, 100 * share, comparison.rounds);
  if (comparison.different) return found;
  if (interval.low > 1) return "not sure: " + found + "; more rounds would tell";
  return fmt::format("{} and {}: no difference shown; ratio {:.3f}, 95 % interval {:.3f} to {:.3f}",
                     fast.name, slow.name, comparison.ratio, comparison.ratio_95.low,
                     comparison.ratio_95.high);
}

}  // namespace hellomark
