// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "base/core/text.h"
#include "base/ui/progress.h"
#include "hellomark/cli/options.h"
#include "hellomark/languages/languages.h"
#include "hellomark/launch/interrupt.h"

namespace hellomark {
namespace {

/// A name chooses the language that is called so, or else all that begin so.
bool chooses(const std::string& name, const Language& language) {
  const bool exact = std::ranges::any_of(languages(), [&](const Language& other) {
    return hf::equals_ignoring_case(other.name, name);
  });
  return exact ? hf::equals_ignoring_case(language.name, name)
               : hf::starts_with_ignoring_case(language.name, name);
}

hf::Result<std::vector<const Language*>> chosen(const LanguageChoice& choice, bool alloc) {
  std::vector<const Language*> found;
  const auto takes_part = [&](const Language& language) {
    return !(alloc && language.alloc_run.empty());
  };
  for (const auto& name : choice.only)
    if (std::ranges::none_of(languages(), [&](const Language& language) {
          return takes_part(language) && chooses(name, language);
        }))
      return hf::fail(fmt::format("--only: there is no language \"{}\"{}", name,
                                  alloc ? " with these tests" : ""));
  for (const Language& language : languages())
    if (takes_part(language) &&
        (choice.only.empty() || std::ranges::any_of(choice.only, [&](const std::string& name) {
           return chooses(name, language);
         })))
      found.push_back(&language);
  return found;
}

/// The packages of the languages that are missing, each once.
std::string missing_packages(const std::vector<const Language*>& wanted) {
  std::set<std::string_view> packages;
  for (const Language* language : wanted)
    if (!is_installed(*language))
      for (const auto name : hf::split_blanks(language->packages)) packages.insert(name);
  std::string out;
  for (const auto name : packages) out += fmt::format(" {}", name);
  return out;
}

int tell_missing(const std::vector<const Language*>& wanted) {
  const std::string packages = missing_packages(wanted);
  if (packages.empty())
    fmt::print("nothing is missing\n");
  else
    fmt::print("apt-get install{}\n", packages);
  return 0;
}

/// Makes the programs; languages that are missing or cannot be built are told of in `notes`.
template <class Make>
std::vector<Contender> prepare(const std::vector<const Language*>& wanted, const Workshop& workshop,
                               std::vector<std::string>& notes, Make make) {
  hf::ProgressLine progress;
  std::vector<Contender> contenders;
  size_t missing = 0;
  for (const Language* language : wanted) {
    if (interrupted() != 0) break;
    if (!is_installed(*language)) {
      ++missing;
      continue;
    }
    progress.show(fmt::format("preparing {}", language->name));
    auto command = make(*language);
    if (!command) {
      notes.push_back(fmt::format("{} is left off: {}", language->name, command.error().message));
      continue;
    }
    contenders.push_back({.name = std::string(language->name),
                          .command = std::move(*command),
                          .note = workshop.version_of(*language)});
  }
  if (missing > 0)
    notes.push_back(
        fmt::format("{} of {} languages are not installed; --install names their "
                    "packages",
                    missing, wanted.size()));
  return contenders;
}

void add_notes(Report& report, const std::vector<std::string>& notes) {
  report.notes.insert(report.notes.end(), notes.begin(), notes.end());
}

}  // namespace

hf::Result<int> say_hello(const LanguageChoice& choice, CampaignOptions campaign,
                          const Exports& exports, const std::string& repeat) {
  HF_TRY_ASSIGN(const auto wanted, chosen(choice, false));
  if (choice.install) return tell_missing(wanted);
  HF_TRY(exports.check());
  HF_TRY_ASSIGN(const Workshop workshop, Workshop::open());
  std::vector<std::string> notes;
  auto contenders = prepare(wanted, workshop, notes,
                            [&](const Language& language) { return workshop.hello(language); });
  if (contenders.empty()) return hf::fail("no language could be prepared; see --install");
  HF_TRY_ASSIGN(Command floor, floor_command());
  contenders.push_back({.name = "(floor)", .command = std::move(floor), .floor = true});
  campaign.launcher.directory = workshop.folder();
  campaign.leave_when_sure = true;
  HF_TRY_ASSIGN(Report report, run_campaign(contenders, campaign, progress_teller()));
  report.kind = "hello";
  report.command_line = repeat;
  add_notes(report, notes);
  std::ranges::stable_sort(report.rows, {}, [](const Row& row) {
    return row.floor ? 0 : hf::summarize(series(row, wall_seconds)).median;
  });
  HF_TRY(exports.write(report));
  return exit_code_of(report);
}

hf::Result<int> allocate(const LanguageChoice& choice, RecorderOptions recorder,
                         const Exports& exports, const std::string& repeat) {
  HF_TRY_ASSIGN(const auto wanted, chosen(choice, true));
  if (choice.install) return tell_missing(wanted);
  HF_TRY(exports.check());
  HF_TRY_ASSIGN(const Workshop workshop, Workshop::open());
  std::vector<std::string> notes;
  const auto programs = prepare(wanted, workshop, notes,
                                [&](const Language& language) { return workshop.alloc(language); });
  constexpr int64_t kEndless = 1'000'000'000;
  std::vector<Contender> contenders;
  for (const auto& pattern : choice.patterns)
    for (const Contender& program : programs) {
      const auto language = std::ranges::find(languages(), program.name, &Language::name);
      if (pattern == "cycle" && !language->cycles) continue;
      Contender contender = program;
      contender.name = fmt::format("{}: {}", pattern, program.name);
      contender.note = language->work;
      contender.command.argv.push_back(pattern);
      contender.command.argv.push_back(
          fmt::format("{}", pattern == "take" ? kEndless : choice.blocks));
      contenders.push_back(std::move(contender));
    }
  recorder.launcher.directory = workshop.folder();
  hf::ProgressLine progress;
  HF_TRY_ASSIGN(Report report,
                record_contenders(contenders, recorder,
                                  [&](const std::string& name) { progress.show(name); }));
  progress.clear();
  report.kind = "alloc";
  report.command_line = repeat;
  add_notes(report, notes);
  HF_TRY(exports.write(report));
  return report.interrupted ? exit_code_of(report) : 0;
}

}  // namespace hellomark
