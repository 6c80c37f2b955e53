// SPDX-License-Identifier: Apache-2.0
#include "hellomark/report/compare.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/core/text.h"
#include "base/ui/table.h"
#include "hellomark/report/format.h"

namespace hellomark {
namespace {

using Json = nlohmann::json;

constexpr double kSurelyBelow = 0.001;
constexpr double kSurelyBelowForFew = 0.01;  // five runs for memory against five cannot say less

std::vector<double> numbers(const Json& row, const char* key) {
  std::vector<double> values;
  const auto samples = row.find("samples");
  if (samples == row.end() || !samples->is_object()) return values;
  const auto found = samples->find(key);
  if (found == samples->end() || !found->is_array()) return values;
  for (const Json& value : *found)
    if (value.is_number() && value.get<double>() > 0) values.push_back(value.get<double>());
  return values;
}

Change change_of(const SavedRow& row, const char* measure, const std::vector<double>& before,
                 const std::vector<double>& after, double threshold, double surely_below) {
  Change change{.name = row.name, .floor = row.floor, .measure = measure};
  change.before = hf::summarize(before).median;
  change.after = hf::summarize(after).median;
  change.ratio = change.after / change.before;
  change.p = hf::rank_sum_p(after, before);
  const bool sure = change.p < surely_below;
  change.slower = sure && change.ratio > 1 + threshold;
  change.faster = sure && change.ratio < 1 / (1 + threshold);
  return change;
}

}  // namespace

hf::Result<std::vector<SavedRow>> parse_report(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return hf::fail("this is not JSON");
  if (!json.is_object() || !json.contains("hellomark") || !json.contains("commands") ||
      !json["commands"].is_array())
    return hf::fail("this is no report of hellomark; make one with --export-json");
  std::vector<SavedRow> rows;
  for (const Json& row : json["commands"]) {
    if (!row.is_object() || !row.contains("name") || !row["name"].is_string())
      return hf::fail("a command of the report has no name");
    const bool floor =
        row.contains("floor") && row["floor"].is_boolean() && row["floor"].get<bool>();
    rows.push_back({row["name"].get<std::string>(), floor, numbers(row, "wall_seconds"),
                    numbers(row, "peak_memory_bytes")});
  }
  return rows;
}

std::vector<Change> changes(const std::vector<SavedRow>& before, const std::vector<SavedRow>& after,
                            double threshold) {
  std::vector<Change> found;
  for (const SavedRow& row : after) {
    const auto old = std::ranges::find(before, row.name, &SavedRow::name);
    if (old == before.end()) continue;
    if (!row.wall_seconds.empty() && !old->wall_seconds.empty())
      found.push_back(
          change_of(row, "wall", old->wall_seconds, row.wall_seconds, threshold, kSurelyBelow));
    if (!row.peak_memory_bytes.empty() && !old->peak_memory_bytes.empty())
      found.push_back(change_of(row, "peak memory", old->peak_memory_bytes, row.peak_memory_bytes,
                                threshold, kSurelyBelowForFew));
  }
  return found;
}

std::string to_text(const std::vector<Change>& found) {
  hf::Table table;
  table.add_column("command");
  table.add_column("measure");
  for (const char* title : {"before", "after", "change", "p"})
    table.add_column(title, hf::Table::Align::kRight);
  table.add_column("verdict");
  for (const Change& change : found) {
    const bool time = change.measure == "wall";
    const auto format = time ? format_seconds : format_bytes;
    const char* verdict = change.slower   ? (time ? "slower" : "larger")
                          : change.faster ? (time ? "faster" : "smaller")
                                          : "";
    table.add_row(
        {hf::printable(change.name, 48), change.measure, format(change.before),
         format(change.after), fmt::format("{:+.1f} %", 100 * (change.ratio - 1)),
         fmt::format("{:.2g}", change.p),
         change.floor && *verdict != 0 ? fmt::format("the machine is {}", verdict) : verdict});
  }
  return table.render();
}

}  // namespace hellomark
