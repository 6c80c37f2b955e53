// SPDX-License-Identifier: Apache-2.0
//
// A report in its formats. Keys and columns carry their unit: `wall_seconds`, `peak_memory_bytes`.
#pragma once

#include <string>

#include "base/core/result.h"
#include "hellomark/measure/report.h"

namespace hellomark {

/// For the terminal: a row a command, differences in words, notes.
std::string to_text(const Report& report);
/// The differences in words, one a line: every contender beside the fastest.
std::vector<std::string> differences(const Report& report);
/// The table as Markdown.
std::string to_markdown(const Report& report);
/// A line a command with medians and intervals.
std::string to_csv(const Report& report);
/// All there is, with every sample; hellomark/README.md describes it.
std::string to_json(const Report& report);
/// One page that needs nothing else, made of what to_json() gives.
std::string to_page(const std::string& json);
/// The start-up times as boxes, or the timelines, drawn by gnuplot into `path`, whose suffix (.svg,
/// .png) says how.
hf::Result<void> draw_picture(const Report& report, const std::string& path);

}  // namespace hellomark
