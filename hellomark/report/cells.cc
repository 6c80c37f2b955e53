// SPDX-License-Identifier: Apache-2.0
#include "hellomark/report/cells.h"

#include <algorithm>
#include <array>
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

std::string median_proportional(const Timeline& timeline) {
  std::vector<double> sizes;
  for (const Sample& sample : timeline.samples)
    if (sample.proportional_bytes >= 0) sizes.push_back(double(sample.proportional_bytes));
  return sizes.empty() ? "-" : format_bytes(hf::summarize(sizes).median);
}

/// The resident size as a line of blocks, each the greatest of its stretch of time.
std::string sparkline(const Timeline& timeline) {
  constexpr size_t kWidth = 24, kLevels = 8;
  std::array<int64_t, kWidth> greatest{};
  int64_t most = 1;
  const double end = timeline.samples.empty() ? 0 : timeline.samples.back().seconds;
  for (const Sample& sample : timeline.samples) {
    const auto at = static_cast<size_t>(sample.seconds / (end * 1.0001 + 1e-9) * kWidth);
    greatest[at] = std::max(greatest[at], sample.resident_bytes);
    most = std::max(most, sample.resident_bytes);
  }
  std::string line;
  int64_t level = 0;
  for (const int64_t bytes : greatest) {
    if (bytes > 0) level = (bytes * int64_t{kLevels} - 1) / most;        // none: as it was
    line += fmt::format("\xe2\x96{}", static_cast<char>(0x81 + level));  // U+2581 and on
  }
  return timeline.samples.empty() ? "-" : line;
}

Cells memory_cells(const Report& report) {
  Cells cells{{"command", "peak", "PSS median", "processes", "wall", "CPU", "looks",
               "resident over time", "remarks"},
              {}};
  for (const Row& row : report.rows) {
    if (row.traced.empty() || row.timelines.empty()) continue;
    const RunRecord& record = row.traced.front();
    const Timeline& timeline = row.timelines.front();
    cells.rows.push_back(
        {row.name, peak_of(row), median_proportional(timeline), fmt::format("{}", record.processes),
         format_seconds(wall_seconds(record)),
         format_seconds(user_seconds(record) + system_seconds(record)),
         fmt::format("{}", timeline.samples.size()), sparkline(timeline),
         row.trouble + (row.note.empty() || row.trouble.empty() ? "" : "; ") + row.note});
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
  Cells cells{{"command", "median", "95 %", "min", "exec", "first byte", "to exit", "user",
               "system", "peak", "faults", "switches", "runs", "outliers"},
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
