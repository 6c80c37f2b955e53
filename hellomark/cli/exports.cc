// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <memory>

#include <fmt/core.h>

#include "base/os/fd.h"
#include "base/ui/progress.h"
#include "hellomark/cli/options.h"
#include "hellomark/launch/words.h"
#include "hellomark/launch/interrupt.h"
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
  return {};
}

hf::Result<int64_t> parse_size(std::string_view text) {
  constexpr std::string_view kUnits = "KMGT";
  std::string digits(text);
  int shift = 0;
  if (!digits.empty())
    if (const size_t unit = kUnits.find(static_cast<char>(digits.back() & ~0x20)); unit != kUnits.npos) {
      shift = 10 * static_cast<int>(unit + 1);
      digits.pop_back();
    }
  char* end = nullptr;
  const double value = std::strtod(digits.c_str(), &end) * std::exp2(shift);
  if (digits.empty() || *end != '\0' || !(value >= 1 && value < 1e18))
    return hf::fail(fmt::format("expected a size such as 64M or 1.5G, not \"{}\"", text));
  return static_cast<int64_t>(value);
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
    fmt::print(stderr, "hellomark: {}: {}; see what it says with --show-output, or measure it all "
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
