// SPDX-License-Identifier: Apache-2.0
//
// What a changed configuration would have done: every logged connection is judged again from the
// facts that its log line holds. Limits cannot be judged again, since who was connected at once is
// not logged; a list that was not asked then is told of as unknown.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/ui/table.h"
#include "smtpgate/cli/commands.h"
#include "smtpgate/policy/log_line.h"
#include "smtpgate/policy/ruleset.h"

namespace smtpgate {
namespace {

struct Change {
  std::string from, to;
  auto operator<=>(const Change&) const = default;
};

struct Replay {
  uint64_t connections = 0, changed = 0, unreadable = 0;
  std::map<Change, uint64_t> changes;
  std::vector<std::pair<LogLine, Verdict>> examples;
  std::set<std::string> unknown_lists;  // of the new configuration, never asked in the log
};

/// Reasons that come from the moment, not from the configuration: they stay as they were.
bool is_circumstance(Reason reason) {
  switch (reason) {
    case Reason::kBackendDown:
    case Reason::kProxyHeader:
    case Reason::kHealthCheck:
    case Reason::kShutdown:
    case Reason::kDescriptors: return true;
    default: return false;
  }
}

/// What came of asking a doubtful client: it hangs on the client, not on the configuration.
bool is_of_dialogue(Reason reason) {
  switch (reason) {
    case Reason::kGreylisted:
    case Reason::kRetried:
    case Reason::kKnownScope:
    case Reason::kProvider:
    case Reason::kPostmaster:
    case Reason::kProtocol:
    case Reason::kNoMail: return true;
    default: return false;
  }
}

Verdict judge_again(const LogLine& line, const Ruleset& rules, std::set<std::string>& unknown) {
  Facts facts = line.facts;
  rules.look_up_access(facts, line.time);
  rules.look_up_local_lists(facts);
  rules.look_up_name(facts);
  const auto& lists = rules.config.lists;
  for (size_t i = 0; i < lists.size(); ++i) {
    if (!lists[i].file.empty()) continue;
    const auto logged = std::ranges::find(line.list_names, lists[i].name);
    if (logged != line.list_names.end())
      facts.lists[i] =
          line.facts.lists[static_cast<size_t>(logged - line.list_names.begin())];
    else if (!facts.known_good && !facts.client.is_private())
      unknown.insert(lists[i].name);
  }
  return decide(facts, rules.config, true);
}

std::string told(Action action, Reason reason) {
  return fmt::format("{} ({})", name_of(action), name_of(reason));
}

void replay_line(const LogLine& line, const Ruleset& rules, size_t example_limit, Replay& out) {
  ++out.connections;
  if (is_circumstance(line.reason)) return;
  Verdict verdict = judge_again(line, rules, out.unknown_lists);
  if (wants_greylisting(verdict, rules.config) && line.enforced) {
    if (is_of_dialogue(line.reason)) return;
    verdict.action = Action::kRefuse;
    verdict.reason = Reason::kGreylisted;
  }
  if (verdict.action == line.action && verdict.reason == line.reason) return;
  ++out.changed;
  ++out.changes[{told(line.action, line.reason), told(verdict.action, verdict.reason)}];
  if (out.examples.size() < example_limit) out.examples.emplace_back(line, verdict);
}

void print_json(const Replay& replay) {
  nlohmann::json out{{"connections", replay.connections},
                     {"changed", replay.changed},
                     {"other_lines", replay.unreadable},
                     {"unknown_lists", replay.unknown_lists},
                     {"changes", nlohmann::json::array()},
                     {"examples", nlohmann::json::array()}};
  for (const auto& [change, count] : replay.changes)
    out["changes"].push_back({{"from", change.from}, {"to", change.to}, {"connections", count}});
  for (const auto& [line, verdict] : replay.examples)
    out["examples"].push_back({{"id", line.id},
                               {"client", line.client.ip.to_string()},
                               {"from", told(line.action, line.reason)},
                               {"to", told(verdict.action, verdict.reason)},
                               {"score", verdict.score}});
  fmt::print("{}\n", out.dump(2));
}

void print_table(const Replay& replay) {
  fmt::print("{} connections judged again, {} of them otherwise than before\n", replay.connections,
             replay.changed);
  if (replay.unreadable != 0) fmt::print("{} other lines passed over\n", replay.unreadable);
  for (const std::string& name : replay.unknown_lists)
    fmt::print("list {} was not asked for all of them, so its effect is not known\n", name);
  if (replay.changed == 0) return;
  hf::Table changes;
  changes.add_column("COUNT", hf::Table::Align::kRight);
  changes.add_column("BEFORE");
  changes.add_column("AFTER");
  for (const auto& [change, count] : replay.changes)
    changes.add_row({std::to_string(count), change.from, change.to});
  hf::Table examples;
  for (const char* title : {"ID", "CLIENT", "BEFORE", "AFTER", "SCORE"}) examples.add_column(title);
  for (const auto& [line, verdict] : replay.examples)
    examples.add_row({line.id, line.client.ip.to_string(), told(line.action, line.reason),
                      told(verdict.action, verdict.reason), std::to_string(verdict.score)});
  fmt::print("\n{}\n{}", changes.render(), examples.render());
}

}  // namespace

hf::Result<int> run_replay_log(const CommonOptions& common, const ReplayOptions& options) {
  HF_TRY_ASSIGN(Config config, load_config(common.config_path));
  HF_TRY_ASSIGN(const auto rules, Ruleset::load(std::move(config), open_directly));
  std::ifstream file;
  if (options.log != "-") {
    file.open(options.log);
    if (!file) return hf::fail(hf::sys_error(options.log));
  }
  std::istream& in = options.log == "-" ? std::cin : file;
  Replay replay;
  for (std::string text; std::getline(in, text);) {
    if (const auto line = parse_log_line(text))
      replay_line(*line, *rules, options.examples, replay);
    else
      ++replay.unreadable;
  }
  if (replay.connections == 0)
    return hf::fail(fmt::format("{}: holds no line of a connection (\"conn v=1 …\")", options.log));
  common.json ? print_json(replay) : print_table(replay);
  return 0;
}

}  // namespace smtpgate
