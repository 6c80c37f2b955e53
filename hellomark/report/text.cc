// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/core.h>

#include "base/core/text.h"
#include "base/ui/table.h"
#include "hellomark/report/cells.h"
#include "hellomark/report/formats.h"

namespace hellomark {
namespace {

constexpr size_t kWidestWords = 48;
constexpr size_t kMostSentences = 12;

bool is_words(std::string_view title) {
  return title == "command" || title == "version" || title == "remarks";
}

std::string markdown_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '\\' || c == '`' || c == '*' || c == '_' || c == '<') out += '\\';
    out += c;
  }
  return out;
}

std::string csv_quoted(const std::string& text) {
  if (text.find_first_of(",\"\n") == text.npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace

std::vector<std::string> differences(const Report& report) {
  std::vector<std::string> sentences;
  const Row* fast = fastest(report);
  for (const Row& row : report.rows)
    if (fast != nullptr && &row != fast && !row.floor && !row.runs.empty())
      sentences.push_back(sentence(row, *fast, compare_rows(row, *fast)));
  return sentences;
}

std::string to_text(const Report& report) {
  const Cells cells = cells_of(report);
  hf::Table table;
  for (const auto& title : cells.titles)
    table.add_column(title, is_words(title) ? hf::Table::Align::kLeft : hf::Table::Align::kRight);
  for (const auto& row : cells.rows) {
    auto shown = row;
    for (size_t i = 0; i < shown.size(); ++i)
      if (is_words(cells.titles[i])) shown[i] = hf::printable(shown[i], kWidestWords);
    table.add_row(std::move(shown));
  }
  std::string out = table.render();
  const auto sentences = differences(report);
  if (!sentences.empty()) out += "\n";
  if (sentences.size() <= kMostSentences)
    for (const auto& sentence : sentences) out += sentence + ".\n";
  else
    out += fmt::format("The {} differences are in the page and in the JSON.\n", sentences.size());
  if (!report.notes.empty()) out += "\n";
  for (const auto& note : report.notes) out += "note: " + note + "\n";
  if (report.interrupted) out += "note: interrupted; this is what was measured until then\n";
  return out;
}

std::string to_markdown(const Report& report) {
  const Cells cells = cells_of(report);
  std::string out = "|", line = "|";
  for (const auto& title : cells.titles) {
    out += " " + title + " |";
    line += is_words(title) ? "---|" : "--:|";
  }
  out += "\n" + line + "\n";
  for (const auto& row : cells.rows) {
    out += "|";
    for (size_t i = 0; i < cells.titles.size(); ++i)
      out += " " + (i < row.size() ? markdown_escaped(row[i]) : "") + " |";
    out += "\n";
  }
  return out;
}

std::string to_csv(const Report& report) {
  std::string out =
      "command,runs,median_wall_seconds,median_low_seconds,median_high_seconds,mean_seconds,"
      "deviation_seconds,min_seconds,max_seconds,exec_seconds,first_byte_seconds,rest_seconds,"
      "user_seconds,system_seconds,peak_memory_bytes,page_faults,context_switches,outliers\n";
  for (const Row& row : report.rows) {
    // A row that was only recorded for memory has its one traced run.
    Row shown = row;
    if (shown.runs.empty()) shown.runs = row.traced;
    const hf::Summary wall = hf::summarize(series(shown, wall_seconds));
    const auto median = [&](double (*of)(const RunRecord&)) {
      auto values = series(shown, of);
      std::erase_if(values, [](double value) { return value < 0; });
      return values.empty() ? std::string() : fmt::format("{:.9f}", hf::summarize(values).median);
    };
    const auto mean = [&](double (*of)(const RunRecord&)) {
      return fmt::format("{:.9f}", hf::summarize(series(shown, of)).mean);
    };
    out += fmt::format(
        "{},{},{:.9f},{:.9f},{:.9f},{:.9f},{:.9f},{:.9f},{:.9f},{},{},{},{},{},{:.0f},{:.0f},{:.0f}"
        ","
        "{}\n",
        csv_quoted(row.name), wall.count, wall.median, wall.median_95.low, wall.median_95.high,
        wall.mean, wall.deviation, wall.min, wall.max, median(exec_seconds),
        median(first_byte_seconds), median(rest_seconds), mean(user_seconds), mean(system_seconds),
        hf::summarize(peak_memory(row).bytes).median,
        hf::summarize(series(shown, page_faults)).median,
        hf::summarize(series(shown, context_switches)).median, wall.outliers);
  }
  return out;
}

}  // namespace hellomark
