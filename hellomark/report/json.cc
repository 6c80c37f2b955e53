// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "hellomark/report/cells.h"
#include "hellomark/report/formats.h"

namespace hellomark {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Machine& machine) {
  return {{"time", machine.time},
          {"system", machine.system},
          {"kernel", machine.kernel},
          {"processor", machine.processor},
          {"processors", machine.processors},
          {"governor", machine.governor},
          {"turbo", machine.turbo},
          {"transparent_huge_pages", machine.transparent_huge_pages},
          {"address_randomization", machine.address_randomization},
          {"load", machine.load},
          {"memory_bytes", machine.memory_bytes},
          {"memory_limit_bytes", machine.memory_limit_bytes},
          {"swap_used_bytes", machine.swap_used_bytes}};
}

Json json_of(const hf::Summary& summary) {
  return {{"median", summary.median},
          {"low", summary.median_95.low},
          {"high", summary.median_95.high},
          {"mean", summary.mean},
          {"deviation", summary.deviation},
          {"spread", summary.spread},
          {"min", summary.min},
          {"q1", summary.q1},
          {"q3", summary.q3},
          {"max", summary.max},
          {"outliers", summary.outliers},
          {"correlation", summary.correlation}};
}

/// A summary and the samples behind it; absent values (first bytes that never came) are null.
void put_series(Json& out, Json& samples, const Row& row, const char* key,
                double (*of)(const RunRecord&)) {
  std::vector<double> present;
  Json all = Json::array();
  for (const double value : series(row, of)) {
    all.push_back(value < 0 ? Json() : Json(value));
    if (value >= 0) present.push_back(value);
  }
  if (!present.empty()) out[key] = json_of(hf::summarize(present));
  samples[key] = std::move(all);
}

Json json_of(const Timeline& timeline) {
  Json columns = {{"seconds", Json::array()},
                  {"resident_bytes", Json::array()},
                  {"proportional_bytes", Json::array()},
                  {"private_bytes", Json::array()},
                  {"swap_bytes", Json::array()},
                  {"cpu_seconds", Json::array()},
                  {"processes", Json::array()}};
  const auto or_null = [](int64_t value) { return value < 0 ? Json() : Json(value); };
  for (const Sample& sample : timeline.samples) {
    columns["seconds"].push_back(std::round(sample.seconds * 1e6) / 1e6);
    columns["resident_bytes"].push_back(sample.resident_bytes);
    columns["proportional_bytes"].push_back(or_null(sample.proportional_bytes));
    columns["private_bytes"].push_back(or_null(sample.private_bytes));
    columns["swap_bytes"].push_back(or_null(sample.swap_bytes));
    columns["cpu_seconds"].push_back(std::round(sample.cpu_seconds * 1e6) / 1e6);
    columns["processes"].push_back(sample.processes);
  }
  return {{"period_seconds", timeline.period_seconds},
          {"sampler_cpu_seconds", timeline.sampler_cpu_seconds},
          {"samples", std::move(columns)}};
}

Json json_of(const Row& row, bool hello) {
  Json out = {{"name", row.name}, {"path", row.command.path}, {"argv", row.command.argv}};
  if (const auto hash = hash_of_file(row.command.path)) out["sha256"] = *hash;
  out["floor"] = row.floor;
  if (!row.note.empty()) out["note"] = row.note;
  if (!row.trouble.empty()) out["trouble"] = row.trouble;
  out["runs"] = row.runs.size();
  if (!row.first.empty()) out["first_run_wall_seconds"] = wall_seconds(row.first.front());
  Json samples;
  if (!row.runs.empty()) {
    put_series(out, samples, row, "wall_seconds", wall_seconds);
    put_series(out, samples, row, "exec_seconds", exec_seconds);
    put_series(out, samples, row, "first_byte_seconds", first_byte_seconds);
    put_series(out, samples, row, "rest_seconds", rest_seconds);
    put_series(out, samples, row, "user_seconds", user_seconds);
    put_series(out, samples, row, "system_seconds", system_seconds);
    put_series(out, samples, row, "page_faults", page_faults);
    put_series(out, samples, row, "context_switches", context_switches);
    if (hello)
      out["twenty_starts"] = {{"elapsed_seconds", twenty_starts(row).elapsed_seconds},
                              {"starts_per_second", twenty_starts(row).per_second}};
  }
  if (const PeakMemory peak = peak_memory(row); !peak.bytes.empty()) {
    out["peak_memory_bytes"] = json_of(hf::summarize(peak.bytes));
    out["peak_memory_source"] = peak.exact ? "traced" : "ru_maxrss";
    samples["peak_memory_bytes"] = peak.bytes;
  }
  if (!row.traced.empty()) {
    std::vector<double> largest;
    for (const RunRecord& record : row.traced) largest.push_back(double(record.largest_bytes));
    out["largest_process_bytes"] = hf::summarize(largest).median;
    out["processes"] = row.traced.front().processes;
    out["traced_wall_seconds"] = wall_seconds(row.traced.front());
  }
  out["samples"] = std::move(samples);
  if (!row.timelines.empty()) out["timeline"] = json_of(row.timelines.front());
  return out;
}

Json comparisons_of(const Report& report) {
  Json out = Json::array();
  const Row* fast = fastest(report);
  for (const Row& row : report.rows) {
    if (fast == nullptr || &row == fast || row.floor || row.runs.empty()) continue;
    const hf::Comparison comparison = compare_rows(row, *fast);
    out.push_back({{"slower", row.name},
                   {"faster", fast->name},
                   {"ratio", comparison.ratio},
                   {"ratio_low", comparison.ratio_95.low},
                   {"ratio_high", comparison.ratio_95.high},
                   {"p", comparison.p},
                   {"slower_in_part_of_rounds", comparison.a_larger},
                   {"rounds", comparison.rounds},
                   {"different", comparison.different},
                   {"sentence", sentence(row, *fast, comparison)}});
  }
  return out;
}

}  // namespace

std::string to_json(const Report& report) {
  Json rows = Json::array();
  for (const Row& row : report.rows) rows.push_back(json_of(row, report.kind == "hello"));
  const Json out = {{"hellomark", HF_VERSION},
                    {"kind", report.kind},
                    {"command_line", report.command_line},
                    {"seed", report.seed},
                    {"elapsed_seconds", report.elapsed_seconds},
                    {"interrupted", report.interrupted},
                    {"machine", json_of(report.machine)},
                    {"notes", report.notes},
                    {"commands", std::move(rows)},
                    {"comparisons", comparisons_of(report)}};
  return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace hellomark
