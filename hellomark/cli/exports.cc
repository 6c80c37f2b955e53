// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>

#include <fmt/core.h>

#include "base/os/fd.h"
#include "base/ui/progress.h"
#include "hellomark/cli/options.h"
#include "hellomark/launch/interrupt.h"
#include "hellomark/launch/words.h"
#include "hellomark/report/compare.h"
#include "hellomark/report/format.h"
#include "hellomark/report/formats.h"

namespace hellomark {
namespace {

hf::Result<void> write_all(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return hf::fail(hf::sys_error("writing " + path));
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return {};
}

hf::Result<void> write_file(const std::string& path, std::string_view bytes) {
  if (path == "-") return write_all(STDOUT_FILENO, bytes, "standard output");
  const hf::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file) return hf::fail(hf::sys_error("writing " + path));
  return write_all(file.get(), bytes, path);
}

}  // namespace

hf::Result<void> Exports::check() const {
  if (!picture.empty() && !picture.ends_with(".svg") && !picture.ends_with(".png"))
    return hf::fail(fmt::format("{}: a picture ends in .svg or .png", picture));
  for (const auto& path : {json, csv, markdown, page, picture}) {
    if (path.empty() || path == "-") continue;
    const bool is_new = ::access(path.c_str(), F_OK) != 0;
    const hf::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    if (!file) return hf::fail(hf::sys_error("writing " + path));
    if (is_new) ::unlink(path.c_str());
  }
  return {};
}

hf::Result<void> Exports::write(const Report& report) const {
  if (!quiet) HF_TRY(write_file("-", to_text(report)));
  if (!json.empty()) HF_TRY(write_file(json, to_json(report)));
  if (!csv.empty()) HF_TRY(write_file(csv, to_csv(report)));
  if (!markdown.empty()) HF_TRY(write_file(markdown, to_markdown(report)));
  if (!page.empty()) HF_TRY(write_file(page, to_page(to_json(report))));
  if (!picture.empty()) HF_TRY(draw_picture(report, picture));
  if (!page.empty() && page != "-" && !quiet)
    HF_TRY(write_file("-", fmt::format("\nThe page with the plots is {}\n", page)));
  return {};
}

hf::Result<int64_t> parse_size(std::string_view text) {
  constexpr std::string_view kUnits = "KMGT";
  std::string digits(text);
  int shift = 0;
  if (!digits.empty())
    if (const size_t unit = kUnits.find(static_cast<char>(digits.back() & ~0x20));
        unit != kUnits.npos) {
      shift = 10 * static_cast<int>(unit + 1);
      digits.pop_back();
    }
  char* end = nullptr;
  const double value = std::strtod(digits.c_str(), &end) * std::exp2(shift);
  if (digits.empty() || *end != '\0' || !(value >= 1 && value < 1e18))
    return hf::fail(fmt::format("expected a size such as 64M or 1.5G, not \"{}\"", text));
  return static_cast<int64_t>(value);
}

hf::Result<int> compare_files(const std::string& before, const std::string& after,
                              const std::string& threshold, bool fail_on_slower) {
  HF_TRY_ASSIGN(const double part, parse_percent(threshold));
  std::vector<std::vector<SavedRow>> reports;
  for (const auto& path : {before, after}) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return hf::fail(hf::sys_error(path));
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    auto rows = parse_report(text);
    if (!rows) return hf::fail(std::move(rows).error().within(path));
    reports.push_back(std::move(*rows));
  }
  const auto found = changes(reports[0], reports[1], part);
  if (found.empty()) return hf::fail("the reports have no command in common; name them with -n");
  HF_TRY(write_file("-", to_text(found)));
  const bool worse = std::ranges::any_of(
      found, [](const Change& change) { return change.slower && !change.floor; });
  return fail_on_slower && worse ? 1 : 0;
}

hf::Result<double> parse_percent(std::string_view text) {
  const std::string digits(text.ends_with('%') ? text.substr(0, text.size() - 1) : text);
  char* end = nullptr;
  const double part = std::strtod(digits.c_str(), &end) / 100;
  if (digits.empty() || *end != '\0' || !(part >= 0 && part < 1))
    return hf::fail(fmt::format("expected a part such as 1%, not \"{}\"", text));
  return part;
}

CutLine cut_line(int argc, char** argv) {
  CutLine line;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") {
      line.commands.emplace_back();
    } else if (line.commands.empty()) {
      line.own.push_back(word);
    } else {
      line.commands.back().push_back(word);
    }
  }
  return line;
}

std::string repeat_line(int argc, char** argv) {
  return join_words(std::vector<std::string>(argv, argv + argc));
}

int exit_code_of(const Report& report) {
  bool trouble = false;
  for (const Row& row : report.rows) {
    if (row.trouble.empty()) continue;
    trouble = true;
    fmt::print(stderr,
               "hellomark: {}: {}; see what it says with --show-output, or measure it all "
               "the same with --ignore-failure\n",
               row.name, row.trouble);
  }
  if (report.interrupted) return 128 + interrupted();
  return trouble ? 1 : 0;
}

std::function<void(const Progress&)> progress_teller() {
  auto line = std::make_shared<hf::ProgressLine>();
  return [line](const Progress& now) {
    line->show(fmt::format("{:.0f} s, {} rounds; least sure: {} {} {}", now.seconds, now.rounds,
                           now.widest->name, format_seconds(now.summary.median),
                           format_uncertainty(now.summary.uncertainty())));
  };
}

}  // namespace hellomark
