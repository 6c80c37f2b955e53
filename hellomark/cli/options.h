// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "hellomark/measure/campaign.h"
#include "hellomark/measure/recorder.h"

namespace hellomark {

/// The command line cut at its "--": hellomark's own words, and a command after each of them.
struct CutLine {
  std::vector<std::string> own;
  std::vector<std::vector<std::string>> commands;
};
CutLine cut_line(int argc, char** argv);

/// "1%" or "1" as 0.01.
hf::Result<double> parse_percent(std::string_view text);
/// "64M", "1.5G", "4096K" or bytes.
hf::Result<int64_t> parse_size(std::string_view text);

/// Where a report goes beside the terminal. Files are checked before anything is measured.
struct Exports {
  std::string json, csv, markdown, page, picture;
  bool quiet = false;

  hf::Result<void> check() const;
  /// Writes the files, and the table to standard output.
  hf::Result<void> write(const Report& report) const;
};

/// `hellomark run`: which commands.
struct Choice {
  std::vector<std::string> lines;                  // commands as single words of the command line
  std::vector<std::vector<std::string>> commands;  // those after "--"
  std::vector<std::string> names;
  std::string shell;  // through which `lines` and the asides go; empty: none
  std::string setup, cleanup;
  std::vector<std::string> prepare;  // one for all or one for each
  std::vector<std::string> ranges;   // name, min, max of each
  std::string step = "1";            // of the ranges
  std::vector<std::string> lists;    // name, comma-separated values of each
  bool floor = true;
};
/// The contenders, each combination of parameters filled into each command.
hf::Result<std::vector<Contender>> contenders_of(const Choice& choice);

/// `hellomark hello` and `hellomark alloc`.
struct LanguageChoice {
  std::vector<std::string> only;      // names, or their beginnings; empty: all that is installed
  bool install = false;               // name the packages that are missing, and do nothing else
  int64_t blocks = 1'000'000;         // of alloc
  std::vector<std::string> patterns;  // of alloc; empty: all
};
hf::Result<int> say_hello(const LanguageChoice& choice, CampaignOptions campaign,
                          const Exports& exports, const std::string& repeat);
hf::Result<int> allocate(const LanguageChoice& choice, RecorderOptions recorder,
                         const Exports& exports, const std::string& repeat);

/// `hellomark compare`: prints what has changed between two files of --export-json.
hf::Result<int> compare_files(const std::string& before, const std::string& after,
                              const std::string& threshold, bool fail_on_slower);

/// The repeatable command line, quoted for a shell.
std::string repeat_line(int argc, char** argv);

/// What to return from main for a finished campaign; tells the trouble of its rows on standard
/// error.
int exit_code_of(const Report& report);

/// A progress callback that shows the running interval on standard error.
std::function<void(const Progress&)> progress_teller();

}  // namespace hellomark
