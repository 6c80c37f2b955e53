// SPDX-License-Identifier: Apache-2.0
#include "hellomark/cli/cli.h"

#include <algorithm>
#include <functional>
#include <random>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "base/core/text.h"
#include "hellomark/cli/options.h"
#include "hellomark/launch/interrupt.h"

namespace hellomark {
namespace {

constexpr const char* kExamples = R"(
Examples:
  hellomark run -- python3 -c 1 -- perl -e 1    which starts faster, by how much, how sure
  hellomark run --until 0.5% 'grep x /etc/passwd'
  hellomark run -L level 1,6,9 -- gzip -{level} -k -f file
  hellomark run --export-page report.html -- ./old -- ./new
  hellomark memory -- make
  hellomark hello --only C,Python,Perl
  hellomark alloc --pattern ring
  hellomark compare --fail old.json new.json

Manual page: hellomark(1).)";

using Run = std::function<hf::Result<int>()>;

/// All subcommands with their options; a parsed command line leaves its action in `run_`.
class CommandLine {
 public:
  CommandLine(int argc, char** argv)
      : line_(cut_line(argc, argv)), repeat_(repeat_line(argc, argv)) {
    app_.set_version_flag("-V,--version", "hellomark " HF_VERSION);
    app_.footer(kExamples);
    app_.require_subcommand(1);
    add_run();
    add_memory();
    add_hello();
    add_alloc();
    add_compare();
  }

  int main() {
    try {
      auto own = line_.own;
      std::ranges::reverse(own);  // CLI11 takes them from the end
      app_.parse(std::move(own));
    } catch (const CLI::ParseError& error) {
      return app_.exit(error) == 0 ? 0 : 2;
    }
    catch_interrupts();
    const auto result = run_();
    if (result) return *result;
    fmt::print(stderr, "hellomark: {}\n", result.error().message);
    return 1;
  }

 private:
  void add_exports(CLI::App* command) {
    command->add_option("--export-json", exports_.json, "Everything, with all samples")
        ->type_name("FILE");
    command->add_option("--export-csv", exports_.csv, "A line a command")->type_name("FILE");
    command->add_option("--export-markdown", exports_.markdown, "The table")->type_name("FILE");
    command->add_option("--export-page", exports_.page, "A page with plots that needs nothing else")
        ->type_name("FILE");
    command
        ->add_option("--export-picture", exports_.picture,
                     "A picture by gnuplot; the suffix .svg or .png says how")
        ->type_name("FILE");
    command->add_flag("-q,--quiet", exports_.quiet, "Print no table");
  }

  void add_stopping(CLI::App* command) {
    command
        ->add_option("--until", until_,
                     "End when the 95 % interval of every median is this narrow (1%)")
        ->type_name("PART");
    command->add_option("-r,--runs,--rounds", rounds_, "Exactly so many rounds")
        ->check(CLI::Range(1, 10'000'000));
    command->add_option("-m,--min-runs", campaign_.min_rounds, "At least so many rounds (12)")
        ->check(CLI::Range(1, 10'000'000));
    command->add_option("-M,--max-runs", campaign_.max_rounds, "At most so many rounds")
        ->check(CLI::Range(1, 10'000'000));
    command->add_option("--max-time", max_seconds_, "Time for each command, in seconds (3)")
        ->check(CLI::Range(0.001, 1e7));
    command->add_option("-w,--warmup", campaign_.warmup_rounds, "Rounds before the timed ones (1)")
        ->check(CLI::Range(0, 1'000'000));
    command->add_option("--timeout", campaign_.timeout_seconds, "Kill a run after so many seconds")
        ->check(CLI::Range(0.001, 1e7));
    command->add_option("--seed", seed_, "Of the random order and padding");
  }

  void add_surroundings(CLI::App* command) {
    auto& launcher = campaign_.launcher;
    command->add_option("--pin", launcher.pin_cpu, "Run everything on this processor")
        ->type_name("CPU");
    command->add_flag("--no-aslr{false}", launcher.aslr, "Addresses are the same in each run");
    command->add_flag("--env-pad,!--no-env-pad", campaign_.env_pad,
                      "Vary the size of the environment (on)");
    command->add_flag("--cold", campaign_.cold, "Drop the commands' files from the page cache");
    command->add_flag("--show-output", show_output_, "Commands write where we write");
    command->add_option("--input", launcher.input_file, "What commands read (/dev/null)")
        ->type_name("FILE");
    command
        ->add_option(
            "--output", output_,
            "Where commands write: pipe, which tells the first byte, null, inherit, a file")
        ->type_name("WHERE");
    command->add_flag("-i,--ignore-failure", campaign_.ignore_failure,
                      "Measure commands that fail, too");
  }

  void add_run() {
    auto* run = app_.add_subcommand("run", "Time commands, in random rounds, until sure");
    run->footer(
        "\nhellomark run [OPTIONS] -- COMMAND [ARGS] [-- COMMAND2 ...]\n"
        "hellomark run [OPTIONS] 'COMMAND ARGS' ['COMMAND2' ...]");
    run->add_option("command", choice_.lines, "Commands, each one word of the command line")
        ->option_text(" ");
    run->add_option("-n,--command-name", choice_.names, "Names for the commands, in their order")
        ->type_name("NAME")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);
    run->add_option("-S,--shell", choice_.shell, "Run commands through this shell")
        ->type_name("SHELL");
    run->add_flag_callback(
        "-N", [] {}, "No shell, which is what happens anyway");
    run->add_option("-p,--prepare", choice_.prepare, "Run this before each run")
        ->type_name("COMMAND")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);
    run->add_option("-s,--setup", choice_.setup, "Run this once before")->type_name("COMMAND");
    run->add_option("-c,--cleanup", choice_.cleanup, "Run this once after")->type_name("COMMAND");
    run->add_option("-P,--parameter-scan", choice_.ranges, "{VAR} takes each number of a range")
        ->type_name("VAR MIN MAX")
        ->type_size(3)
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);
    run->add_option("-D,--parameter-step-size", choice_.step, "The step of -P (1)")
        ->type_name("STEP");
    run->add_option("-L,--parameter-list", choice_.lists, "{VAR} takes each of A,B,C")
        ->type_name("VAR VALUES")
        ->type_size(2)
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);
    run->add_flag("!--no-floor", choice_.floor, "Leave the floor row off");
    run->add_option("--memory-rounds", campaign_.memory_rounds, "Traced runs for memory (5)")
        ->check(CLI::Range(0, 1000));
    add_stopping(run);
    add_surroundings(run);
    add_exports(run);
    run->callback([this] { run_ = [this] { return time_commands(); }; });
  }

  void add_recording(CLI::App* command) {
    auto& timeline = recorder_.timeline;
    command->add_option("--rate", timeline.hertz, "Looks at the memory in a second (1000)")
        ->check(CLI::Range(1.0, 1000.0));
    command
        ->add_option("--detail-rate", timeline.detail_hertz,
                     "… of which so many also at proportional, private and swapped size (20)")
        ->check(CLI::Range(0.0, 1000.0));
    command->add_option("--limit", limit_, "End a run that holds more")->type_name("SIZE");
    command->add_option("--timeout", recorder_.timeout_seconds, "Kill a run after so many seconds")
        ->check(CLI::Range(0.001, 1e7));
    add_exports(command);
  }

  void add_memory() {
    auto* memory = app_.add_subcommand("memory", "Record memory and CPU over time, of whole trees");
    memory->add_option("command", choice_.lines, "Commands, each one word of the command line")
        ->option_text(" ");
    memory->add_flag("--show-output", show_output_, "Commands write where we write");
    add_recording(memory);
    memory->callback([this] { run_ = [this] { return record_memory_of_commands(); }; });
  }

  void add_languages(CLI::App* command) {
    command->add_option("--only", languages_.only, "Only these languages, such as C,Python")
        ->type_name("NAMES")
        ->delimiter(',');
    command->add_flag("--install", languages_.install, "Name the packages that are missing");
  }

  void add_hello() {
    auto* hello = app_.add_subcommand("hello", "The HelloMark: hello world in every language here");
    add_languages(hello);
    add_stopping(hello);
    add_exports(hello);
    hello->callback([this] {
      run_ = [this]() -> hf::Result<int> {
        campaign_.min_rounds = std::max<size_t>(campaign_.min_rounds, 20);
        if (exports_.page.empty() && !languages_.install) exports_.page = "hellomark.html";
        HF_TRY(settle_campaign(languages_.only.empty() ? 20 : languages_.only.size()));
        return say_hello(languages_, campaign_, exports_, repeat_);
      };
    });
  }

  void add_alloc() {
    auto* alloc = app_.add_subcommand("alloc", "Three ways to allocate, and one without end");
    add_languages(alloc);
    alloc->add_option("--blocks", languages_.blocks, "Blocks of 10,000 bytes (1000000)")
        ->check(CLI::Range(1, 1'000'000'000));
    alloc->add_option("--pattern", languages_.patterns, "drop, ring, cycle or take; all")
        ->delimiter(',')
        ->check(CLI::IsMember({"drop", "ring", "cycle", "take"}));
    add_recording(alloc);
    alloc->callback([this] {
      run_ = [this]() -> hf::Result<int> {
        if (languages_.patterns.empty()) languages_.patterns = {"drop", "ring", "cycle", "take"};
        if (limit_.empty()) limit_ = "1G";
        HF_TRY_ASSIGN(recorder_.timeline.limit_bytes, parse_size(limit_));
        if (exports_.page.empty() && !languages_.install) exports_.page = "hellomark-alloc.html";
        return allocate(languages_, recorder_, exports_, repeat_);
      };
    });
  }

  void add_compare() {
    auto* compare = app_.add_subcommand("compare", "What has changed between two reports");
    compare->add_option("before", before_, "The older file of --export-json")->required();
    compare->add_option("after", after_, "The newer one")->required();
    compare->add_option("--threshold", threshold_, "Smaller changes are none (5%)")
        ->type_name("PART");
    compare->add_flag("--fail", fail_on_slower_,
                      "Exit with 1 if a command became slower or larger");
    compare->callback([this] {
      run_ = [this] { return compare_files(before_, after_, threshold_, fail_on_slower_); };
    });
  }

  hf::Result<int> record_memory_of_commands() {
    choice_.commands = line_.commands;
    choice_.floor = false;
    HF_TRY(exports_.check());
    HF_TRY_ASSIGN(const auto contenders, contenders_of(choice_));
    if (!limit_.empty()) {
      HF_TRY_ASSIGN(recorder_.timeline.limit_bytes, parse_size(limit_));
    }
    if (show_output_) {
      recorder_.launcher.output = LauncherOptions::Output::kInherit;
      recorder_.launcher.show_errors = true;
    }
    HF_TRY_ASSIGN(Report report, record_contenders(contenders, recorder_));
    report.kind = "memory";
    report.command_line = repeat_;
    HF_TRY(exports_.write(report));
    return exit_code_of(report);
  }

  /// What the options say, as the campaign takes it.
  hf::Result<void> settle_campaign(size_t contenders) {
    HF_TRY_ASSIGN(campaign_.until, parse_percent(until_));
    if (rounds_ != 0) {
      campaign_.min_rounds = campaign_.max_rounds = rounds_;
      campaign_.until = 0;
    } else if (campaign_.max_rounds != 0) {
      campaign_.min_rounds = std::min(campaign_.min_rounds, campaign_.max_rounds);
    }
    campaign_.max_seconds = rounds_ != 0 ? 0 : max_seconds_ * double(contenders);
    campaign_.seed = seed_ != 0 ? seed_ : std::random_device()();
    using Output = LauncherOptions::Output;
    auto& launcher = campaign_.launcher;
    launcher.show_errors = show_output_;
    const std::string where = show_output_ ? "inherit" : output_;
    launcher.output = where == "pipe"      ? Output::kPipe
                      : where == "null"    ? Output::kNull
                      : where == "inherit" ? Output::kInherit
                                           : Output::kFile;
    if (launcher.output == Output::kFile) launcher.output_file = where;
    return {};
  }

  hf::Result<int> time_commands() {
    choice_.commands = line_.commands;
    HF_TRY(exports_.check());
    HF_TRY_ASSIGN(const auto contenders, contenders_of(choice_));
    HF_TRY(settle_campaign(contenders.size() - (choice_.floor ? 1 : 0)));
    HF_TRY_ASSIGN(Report report, run_campaign(contenders, campaign_, progress_teller()));
    report.kind = "run";
    report.command_line = repeat_;
    HF_TRY(exports_.write(report));
    return exit_code_of(report);
  }

  CLI::App app_{"How fast does it start, how much memory does it take, and how sure are we?"};
  CutLine line_;
  std::string repeat_;
  Run run_;
  CampaignOptions campaign_;
  Choice choice_;
  Exports exports_;
  RecorderOptions recorder_;
  LanguageChoice languages_;
  size_t rounds_ = 0;
  double max_seconds_ = 3;
  uint64_t seed_ = 0;
  bool show_output_ = false, fail_on_slower_ = false;
  std::string output_ = "pipe", until_ = "1%", limit_;
  std::string before_, after_, threshold_ = "5%";
};

}  // namespace

int run_cli(int argc, char** argv) {
  return CommandLine(argc, argv).main();
}

}  // namespace hellomark
