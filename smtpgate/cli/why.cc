// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <ctime>

#include <fmt/core.h>

#include "base/core/clock.h"
#include "base/core/text.h"
#include "base/os/file.h"
#include "smtpgate/cli/judgement.h"
#include "smtpgate/policy/log_line.h"

namespace smtpgate {
namespace {

constexpr int kWouldRefuse = 3;

int exit_code(const Judgement& judgement) {
  return judgement.verdict.action == Action::kHandOff ? 0 : kWouldRefuse;
}

std::string ago(uint32_t then) {
  const int64_t now = hf::system_clock().unix_seconds();
  return fmt::format("{} ({} ago)", hf::format_utc(then),
                     hf::humane_duration(std::chrono::seconds(now - then)));
}

/// The client's record; nullopt if it was never seen, or there is no history yet.
hf::Result<std::optional<HistoryRecord>> recall(const Config& config, const hf::IpAddress& client) {
  auto store = HistoryStore::open(config.history.path, HistoryStore::Mode::kReadOnly,
                                  static_cast<uint64_t>(config.history.max));
  if (!store && store.error().sys == ENOENT) return std::optional<HistoryRecord>{};
  if (!store) return hf::fail(std::move(store).error());
  HF_TRY_ASSIGN(auto reader, store->reader());
  return reader.find(HistoryKey::of(client));
}

std::string tell_record(const HistoryRecord& record) {
  std::string out;
  auto line = [&](std::string_view label, const std::string& text) {
    out += fmt::format("  {:<14} {}\n", label, text);
  };
  line("first seen", ago(record.first_seen));
  line("last seen", ago(record.last_seen));
  std::string faults;
  for (size_t i = 0; i < kFaults; ++i)
    if (record.faults[i] != 0)
      faults += fmt::format(", {} {}", record.faults[i], name_of(static_cast<Fault>(i)));
  line("connections",
       fmt::format("{}: {} handed off{}", record.connections, record.handoffs, faults));
  line("last verdict", fmt::format("{} ({}), score {}, {}",
                                   name_of(static_cast<Action>(record.last_verdict)),
                                   name_of(static_cast<Reason>(record.last_reason)),
                                   record.last_score, hf::format_utc(record.last_decided)));
  const int64_t now = hf::system_clock().unix_seconds();
  auto pass = [&](std::string_view label, uint32_t until) {
    if (until > now)
      line(label, fmt::format("passed, holds for {}",
                              hf::humane_duration(std::chrono::seconds(until - now))));
  };
  pass("silence test", record.pregreet_pass_until);
  pass("list test", record.dns_pass_until);
  return out;
}

/// Finds a connection by its id in the log file.
hf::Result<int> why_connection(const Config& config, const std::string& id) {
  if (config.log.file.empty())
    return hf::fail(fmt::format("\"{}\" is no address; to look connections up by id, name a [log] "
                                "file, or ask the journal: journalctl -u smtpgate | grep {}",
                                hf::printable(id), hf::printable(id)));
  HF_TRY_ASSIGN(const std::string log, hf::read_file(config.log.file, size_t{4} << 30));
  for (std::string_view text : hf::split(log, '\n')) {
    const auto line = parse_log_line(text);
    if (!line || line->id != id) continue;
    const Verdict verdict{line->action, line->reason, line->score, line->doubtful, line->partial,
                          line->soft};
    fmt::print("connection {} from {} at {}\n  {:<14} {} ({}){}\n  {:<14} {}\n  {:<14} {}\n", id,
               line->client.to_string(), hf::format_utc(line->time), "verdict",
               name_of(line->action), name_of(line->reason),
               line->enforced ? "" : ", observed only", "because",
               explain(verdict, line->facts, config), "log line", text);
    return 0;
  }
  return hf::fail(fmt::format("no connection {} in {}", id, config.log.file));
}

}  // namespace

hf::Result<int> run_why(const CommonOptions& common, const WhyOptions& options) {
  HF_TRY_ASSIGN(Config config, config_or_defaults(common));
  const auto client = hf::IpAddress::parse(options.subject);
  if (!client) return why_connection(config, options.subject);

  HF_TRY_ASSIGN(const auto record, recall(config, *client));
  HF_TRY_ASSIGN(auto rules, Ruleset::load(std::move(config), open_directly));
  HF_TRY_ASSIGN(const Judgement judgement,
                judge_now(rules, *client, {.record = record, .ask_dns = options.ask_dns}));
  HF_TRY_ASSIGN(const GreyStory story, grey_story(judgement.rules->config.history.path, *client));
  if (common.json) {
    fmt::print("{}\n", tell_json(judgement, record, story));
    return exit_code(judgement);
  }
  const std::string key = HistoryKey::of(*client).to_string();
  if (record)
    fmt::print("{}\n{}{}{}", key, tell_record(*record), tell(story), tell(judgement));
  else
    fmt::print("{}\n  {:<14} never seen\n{}", key, "history", tell(judgement));
  return exit_code(judgement);
}

hf::Result<int> run_test(const CommonOptions& common, const TestOptions& options) {
  HF_TRY_ASSIGN(Config config, config_or_defaults(common));
  const auto client = hf::IpAddress::parse(options.address);
  if (!client) return hf::fail(fmt::format("\"{}\" is no address", hf::printable(options.address)));
  HF_TRY_ASSIGN(auto rules, Ruleset::load(std::move(config), open_directly));
  HF_TRY_ASSIGN(const Judgement judgement,
                judge_now(rules, *client, {.talks = options.talks, .ask_dns = options.ask_dns}));
  fmt::print("{}\n", common.json ? tell_json(judgement, std::nullopt, {})
                                 : client->to_string() + "\n" + tell(judgement));
  return exit_code(judgement);
}

}  // namespace smtpgate
