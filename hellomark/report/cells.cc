// SPDX-License-Identifier: Apache-2.0
#include "hellomark/report/cells.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "hellomark/report/format.h"

namespace hellomark {
namespace {

std::string median_of(const Row& row, double (*of)(const RunRecord&)) {
  auto values = series(row, of);
  std::erase_if(values, [](double value) { return value < 0; });
  return values.empty() ? "-" : format_seconds(hf::summarize(values).median);
}

std::string mean_of(const Row& row, double (*of)(const RunRecord&)) {
  return format_seconds(hf::summarize(series(row, of)).mean);
}

std::string count_of(const Row& row, double (*of)(const RunRecord&)) {
  return fmt::format("{:.0f}", hf::summarize(series(row, of)).median);
}

std::string peak_of(const Row& row) {
  const PeakMemory peak = peak_memory(row);
  if (peak.bytes.empty()) return "-";
  return (peak.exact ? "" : "<") + format_bytes(hf::summarize(peak.bytes).median);
}

double total_cpu(const Row& row) {
  const RunRecord& record = row.traced.front();
  return user_seconds(record) + system_seconds(record);
}

/// Median and largest proportional size of a timeline; "-" where there is none.
std::pair<std::string, std::string> proportional_of(const Timeline& timeline) {
  std::vector<double> sizes;
  for (const Sample& sample : timeline.samples)
    if (sample.proportional_bytes >= 0) sizes.push_back(double(sample.proportional_bytes));
  if (sizes.empty()) return {"-", "-"};
  const hf::Summary summary = hf::summarize(sizes);
  return {format_bytes(summary.median), format_bytes(summary.max)};
}

Cells memory_cells(const Report& report) {
  Cells cells{{"command", "peak", "largest process", "processes", "PSS median", "PSS max", "wall",
               "CPU", "looks", "what it does"},
              {}};
  for (const Row& row : report.rows) {
    if (row.traced.empty() || row.timelines.empty()) {
      cells.rows.push_back({row.name, "-", "-", "-", "-", "-", "-", "-", "-", row.trouble});
      continue;
    }
    const RunRecord& record = row.traced.front();
    const auto [median, most] = proportional_of(row.timelines.front());
    cells.rows.push_back({row.name, peak_of(row), format_bytes(double(record.largest_bytes)),
                          fmt::format("{}", record.processes), median, most,
                          format_seconds(wall_seconds(record)), format_seconds(total_cpu(row)),
                          fmt::format("{}", row.timelines.front().samples.size()), row.note});
  }
  return cells;
}

std::vector<std::string> run_cells(const Row& row) {
  if (row.runs.empty()) return {row.name, row.trouble.empty() ? "-" : row.trouble};
  const hf::Summary wall = hf::summarize(series(row, wall_seconds));
  return {row.name,
          format_seconds(wall.median),
          format_uncertainty(wall.uncertainty()),
          format_seconds(wall.min),
          median_of(row, exec_seconds),
          median_of(row, first_byte_seconds),
          median_of(row, rest_seconds),
          mean_of(row, user_seconds),
          mean_of(row, system_seconds),
          peak_of(row),
          count_of(row, page_faults),
          count_of(row, context_switches),
          fmt::format("{}", wall.count),
          wall.outliers > 0 ? fmt::format("{}", wall.outliers) : ""};
}

}  // namespace

TwentyStarts twenty_starts(const Row& row) {
  constexpr size_t kStarts = 20;
  const size_t count = std::min(kStarts, row.runs.size());
  double seconds = 0;
  for (size_t i = 0; i < count; ++i) seconds += wall_seconds(row.runs[i]);
  if (count == 0 || seconds <= 0) return {};
  return {seconds * kStarts / double(count), double(count) / seconds};
}

Cells cells_of(const Report& report) {
  if (report.kind == "memory" || report.kind == "alloc") return memory_cells(report);
  Cells cells{{"command", "median", "95 %", "min", "exec", "first byte", "to exit", "user", "system",
               "peak", "faults", "switches", "runs", "outliers"},
              {}};
  const bool hello = report.kind == "hello";
  if (hello) {
    cells.titles.insert(cells.titles.begin() + 1, {"20 runs", "per second"});
    cells.titles.emplace_back("version");
  }
  for (const Row& row : report.rows) {
    auto line = run_cells(row);
    if (hello && !row.runs.empty()) {
      const auto [elapsed, rate] = twenty_starts(row);
      line.insert(line.begin() + 1, {fmt::format("{:.2f}", elapsed), fmt::format("{:.0f}", rate)});
      line.push_back(row.note);
    }
    cells.rows.push_back(std::move(line));
  }
  return cells;
}

}  // namespace hellomark
