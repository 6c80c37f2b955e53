// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/cli/judgement.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/core/clock.h"
#include "base/net/loop.h"
#include "base/net/resolver.h"
#include "smtpgate/gate/list_desk.h"

namespace smtpgate {
namespace {

/// Asks all lists as the daemon does, and waits for the answers.
class Questions final : private ListDesk::Inquirer {
 public:
  explicit Questions(Facts& facts) : facts_(facts) {}

  hf::Result<void> ask(const std::shared_ptr<const Ruleset>& rules) {
    HF_TRY_ASSIGN(auto loop, hf::Loop::create());
    const auto timeout = static_cast<uint32_t>(rules->config.dns.timeout.count());
    HF_TRY_ASSIGN(auto resolver,
                  hf::make_cares_resolver(*loop, {.servers = rules->config.dns.servers,
                                                  .timeout_ms = timeout}));
    GateMetrics metrics;
    ListDesk desk(*loop, *resolver, metrics);
    desk.use(rules, std::make_shared<ZoneGuards>(rules->config, metrics, nullptr));
    rules_ = rules;
    if (desk.ask(facts_, false, *this) == 0) return {};
    // A reverse name takes two questions, one after the other.
    const uint64_t deadline = loop->now_ms() + 2 * timeout + 500;
    while (pending() && loop->now_ms() < deadline) loop->run_once(100);
    return {};
  }

 private:
  void on_list(size_t list, const ListFact& fact) override { facts_.lists[list] = fact; }
  void on_rdns(const RdnsFact& fact) override {
    facts_.rdns = fact;
    rules_->look_up_name(facts_);
  }
  bool pending() const {
    for (const ListFact& list : facts_.lists)
      if (list.state == ListFact::State::kPending) return true;
    return facts_.rdns.state == RdnsFact::State::kPending;
  }

  Facts& facts_;
  std::shared_ptr<const Ruleset> rules_;
};

std::string describe(const ListFact& fact) {
  if (fact.state == ListFact::State::kNotAsked) return "not asked";
  if (fact.state == ListFact::State::kFailed || fact.state == ListFact::State::kPending)
    return "no answer";
  if (fact.answers.empty()) return "not listed";
  std::string out = "listed:";
  for (const hf::IpAddress& answer : fact.answers) out += " " + answer.to_string();
  return out;
}

}  // namespace

hf::Result<Judgement> judge_now(std::shared_ptr<const Ruleset> rules, const hf::IpAddress& client,
                                const Circumstances& circumstances) {
  Judgement out;
  out.rules = rules;
  Facts& facts = out.facts;
  const int64_t now = hf::system_clock().unix_seconds();
  facts.client = client;
  rules->look_up_access(facts, now);
  rules->look_up_local_lists(facts);

  const HistoryRecord record = circumstances.record.value_or(HistoryRecord{});
  const bool pregreet_due = record.pregreet_pass_until <= now;
  const bool lists_due = record.dns_pass_until <= now && rules->has_dns_tests();
  facts.known_good = !pregreet_due && !lists_due;
  facts.pregreet.state = !pregreet_due ? PregreetFact::State::kPassedBefore
                         : circumstances.talks ? PregreetFact::State::kTalked
                                               : PregreetFact::State::kSilent;
  if (circumstances.ask_dns) HF_TRY(Questions(facts).ask(rules));
  out.verdict = decide(facts, rules->config, true);
  return out;
}

std::string_view future_of(Action action) {
  switch (action) {
    case Action::kHandOff: return "would be handed to the mail server";
    case Action::kRefuse: return "would be refused";
    case Action::kDrop: return "would be dropped without a word";
    default: return "would be left waiting";
  }
}

std::string tell(const Judgement& j) {
  const Config& config = j.rules->config;
  std::string out;
  auto line = [&](std::string_view label, std::string_view text) {
    out += fmt::format("  {:<14} {}\n", label, text);
  };
  line("access lists", j.facts.allowed ? "allowed" : j.facts.denied ? "denied" : "on none");
  for (size_t i = 0; i < config.lists.size(); ++i)
    line(i == 0 ? "lists" : "",
         fmt::format("{} (weight {}): {}", config.lists[i].name, config.lists[i].rule.weight,
                     describe(j.facts.lists[i])));
  if (config.rdns.check)
    line("reverse name", j.facts.rdns.state == RdnsFact::State::kNotAsked
                             ? "not asked"
                             : fmt::format("{}{}{}", name_of(j.facts.rdns.state),
                                           j.facts.rdns.name.empty() ? "" : ": ",
                                           j.facts.rdns.name));
  line("now", fmt::format("{}, because {}", future_of(j.verdict.action),
                          explain(j.verdict, j.facts, config)));
  if (j.verdict.action == Action::kRefuse || j.verdict.action == Action::kDrop) {
    std::string reply = refusal_reply(j.verdict, j.facts, config, "id").wire();
    reply.resize(reply.find('\r'));
    line("reply", reply);
    if (!config.mode.enforce) line("mode", "observe: it is let in all the same");
  }
  return out;
}

std::string tell_json(const Judgement& j, const std::optional<HistoryRecord>& record,
                      const GreyStory& story) {
  const Config& config = j.rules->config;
  nlohmann::json out{{"address", j.facts.client.to_string()},
                     {"mode", config.mode.enforce ? "enforce" : "observe"},
                     {"verdict", name_of(j.verdict.action)},
                     {"reason", name_of(j.verdict.reason)},
                     {"explanation", explain(j.verdict, j.facts, config)},
                     {"score", j.verdict.score},
                     {"soft", j.verdict.soft},
                     {"partial", j.verdict.partial},
                     {"allowed", j.facts.allowed},
                     {"denied", j.facts.denied},
                     {"known_good", j.facts.known_good},
                     {"reverse_name", {{"state", name_of(j.facts.rdns.state)},
                                       {"name", j.facts.rdns.name}}},
                     {"lists", nlohmann::json::array()},
                     {"history", nullptr},
                     {"greylist", nlohmann::json::array()}};
  for (const GreyEntry& entry : story.mails) out["greylist"].push_back(to_json(entry));
  for (const GreyEntry& entry : story.known) out["greylist"].push_back(to_json(entry));
  for (size_t i = 0; i < config.lists.size(); ++i) {
    nlohmann::json answers = nlohmann::json::array();
    for (const auto& answer : j.facts.lists[i].answers) answers.push_back(answer.to_string());
    out["lists"].push_back({{"name", config.lists[i].name},
                            {"weight", config.lists[i].rule.weight},
                            {"state", name_of(j.facts.lists[i].state)},
                            {"answers", answers}});
  }
  if (record) {
    nlohmann::json faults;
    for (size_t i = 0; i < kFaults; ++i)
      faults[std::string(name_of(static_cast<Fault>(i)))] = record->faults[i];
    out["history"] = {{"first_seen", record->first_seen},
                      {"last_seen", record->last_seen},
                      {"connections", record->connections},
                      {"handoffs", record->handoffs},
                      {"faults", faults},
                      {"last_verdict", name_of(static_cast<Action>(record->last_verdict))},
                      {"last_reason", name_of(static_cast<Reason>(record->last_reason))},
                      {"last_score", record->last_score},
                      {"pregreet_pass_until", record->pregreet_pass_until},
                      {"dns_pass_until", record->dns_pass_until}};
  }
  return out.dump(2);
}

}  // namespace smtpgate
