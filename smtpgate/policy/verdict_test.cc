// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/policy/verdict.h"

#include <doctest/doctest.h>

using namespace smtpgate;

namespace {

ListConfig list(const char* name, int weight, bool trusted = true) {
  ListConfig out;
  out.name = name;
  out.rule.zone = name;
  out.rule.weight = weight;
  out.trusted = trusted;
  return out;
}

Config config_with(std::vector<ListConfig> lists) {
  Config config;
  config.mode.enforce = true;
  config.banner.name = "mx.example";
  config.lists = std::move(lists);
  config.rdns.check = false;
  return config;
}

ListFact listed() {
  return {ListFact::State::kAnswered, {*hf::IpAddress::parse("127.0.0.2")}};
}
ListFact clean() { return {ListFact::State::kAnswered, {}}; }
ListFact pending() { return {ListFact::State::kPending, {}}; }
ListFact failed() { return {ListFact::State::kFailed, {}}; }

Facts facts_with(std::vector<ListFact> lists,
                 PregreetFact::State pregreet = PregreetFact::State::kSilent) {
  Facts facts;
  facts.client = *hf::IpAddress::parse("192.0.2.1");
  facts.lists = std::move(lists);
  facts.pregreet.state = pregreet;
  return facts;
}

constexpr auto kPending = PregreetFact::State::kPending;
constexpr auto kTalked = PregreetFact::State::kTalked;

}  // namespace

TEST_CASE("a silent client that no list knows is handed off") {
  const Config config = config_with({list("a", 8)});
  const Verdict verdict = decide(facts_with({clean()}), config, false);
  CHECK(verdict.action == Action::kHandOff);
  CHECK(verdict.reason == Reason::kPassed);
}

TEST_CASE("the early-talker window is waited for, whatever lists say in its favour") {
  const Config config = config_with({list("a", 8)});
  CHECK(decide(facts_with({clean()}, kPending), config, false).action == Action::kWait);
  CHECK(decide(facts_with({clean()}, kPending), config, true).action == Action::kHandOff);
}

TEST_CASE("a verdict falls as soon as no outstanding answer can change it") {
  const Config config = config_with({list("a", 5), list("b", 3), list("c", 2)});
  SUBCASE("refused while others are still pending") {
    const Verdict verdict = decide(facts_with({listed(), listed(), pending()}, kPending), config, false);
    CHECK(verdict.action == Action::kRefuse);
    CHECK(verdict.reason == Reason::kListed);
    CHECK(verdict.list == 0);
  }
  SUBCASE("passed since the rest cannot reach the threshold") {
    CHECK(decide(facts_with({clean(), pending(), pending()}), config, false).action == Action::kHandOff);
  }
  SUBCASE("waits while the rest could reach it") {
    CHECK(decide(facts_with({listed(), pending(), clean()}), config, false).action == Action::kWait);
  }
  SUBCASE("waits while an allow list could undo it") {
    Config with_allow = config_with({list("a", 8), list("w", -4)});
    CHECK(decide(facts_with({listed(), pending()}), with_allow, false).action == Action::kWait);
    CHECK(decide(facts_with({listed(), clean()}), with_allow, false).action == Action::kRefuse);
    CHECK(decide(facts_with({listed(), listed()}), with_allow, false).action == Action::kHandOff);
  }
}

TEST_CASE("what never answers counts as not listed, and is told as partial") {
  const Config config = config_with({list("a", 8), list("b", 8)});
  const Verdict verdict = decide(facts_with({pending(), failed()}), config, true);
  CHECK(verdict.action == Action::kHandOff);
  CHECK(verdict.partial);
}

TEST_CASE("answers that are no listing score nothing") {
  const Config config = config_with({list("a", 8)});
  for (const char* answer : {"127.0.0.1", "8.8.8.8", "127.255.255.254", "10.0.0.1"}) {
    Facts facts = facts_with({clean()});
    facts.lists[0].answers = {*hf::IpAddress::parse(answer)};
    CHECK_MESSAGE(decide(facts, config, true).score == 0, answer);
  }
}

TEST_CASE("a list that may not refuse by itself refuses for now only") {
  const Config config = config_with({list("mad", 9, false), list("b", 1, false)});
  const Verdict alone = decide(facts_with({listed(), clean()}), config, false);
  CHECK(alone.action == Action::kRefuse);
  CHECK(alone.soft);
  CHECK(refusal_reply(alone, facts_with({}), config, "id").code == 451);
  const Verdict together = decide(facts_with({listed(), listed()}), config, false);
  CHECK_FALSE(together.soft);
  // The second list decides between the two, so it is waited for.
  CHECK(decide(facts_with({listed(), pending()}), config, false).action == Action::kWait);
}

TEST_CASE("an early talker is refused at once, or as the configuration says") {
  Config config = config_with({list("a", 8)});
  Facts facts = facts_with({pending()}, kTalked);
  facts.pregreet.kind = FirstBytes::kSmtp;
  Verdict verdict = decide(facts, config, false);
  CHECK(verdict.action == Action::kRefuse);
  CHECK(verdict.reason == Reason::kPregreet);
  CHECK(refusal_reply(verdict, facts, config, "id").code == 550);

  config.pregreet.soft = true;
  CHECK(refusal_reply(decide(facts, config, false), facts, config, "id").code / 100 == 4);
  config.pregreet.action = TestAction::kDrop;
  CHECK(decide(facts, config, false).action == Action::kDrop);
  config.pregreet.action = TestAction::kIgnore;
  CHECK(decide(facts_with({clean()}, kTalked), config, false).action == Action::kHandOff);
}

TEST_CASE("an allow list excuses an early talker, and is waited for") {
  const Config config = config_with({list("w", -4)});
  CHECK(decide(facts_with({pending()}, kTalked), config, false).action == Action::kWait);
  CHECK(decide(facts_with({listed()}, kTalked), config, false).reason == Reason::kSkipScore);
  CHECK(decide(facts_with({clean()}, kTalked), config, false).reason == Reason::kPregreet);
}

TEST_CASE("order of what needs no waiting") {
  const Config config = config_with({list("a", 8)});
  Facts facts = facts_with({listed()}, kPending);
  facts.denied = true;
  facts.known_good = true;
  CHECK(decide(facts, config, false).reason == Reason::kDenyList);
  facts.allowed = true;
  CHECK(decide(facts, config, false).reason == Reason::kAllowList);
  facts.limit = Limit::kPerIp;
  CHECK(decide(facts, config, false).reason == Reason::kAllowList);
  facts.allowed = facts.denied = false;
  CHECK(decide(facts, config, false).reason == Reason::kPerIp);
  facts.limit = Limit::kWaitingRoom;
  CHECK(decide(facts, config, false).reason == Reason::kKnownGood);
  facts.known_good = false;
  CHECK(decide(facts, config, false).reason == Reason::kWaitingRoom);
  facts.limit = Limit::kDescriptors;
  facts.allowed = true;
  CHECK(decide(facts, config, false).reason == Reason::kDescriptors);
}

TEST_CASE("reverse names score") {
  Config config = config_with({list("a", 6)});
  config.rdns.check = true;
  Facts facts = facts_with({listed()});
  facts.rdns.state = RdnsFact::State::kPending;
  CHECK(decide(facts, config, false).action == Action::kWait);
  facts.rdns.state = RdnsFact::State::kMissing;
  CHECK(decide(facts, config, false).action == Action::kRefuse);
  facts.rdns.state = RdnsFact::State::kUnconfirmed;
  const Verdict verdict = decide(facts, config, false);
  CHECK(verdict.action == Action::kHandOff);
  CHECK(verdict.score == 7);
  CHECK(verdict.doubtful);
}

TEST_CASE("every refusal fits one reply line, names its id and has matching classes") {
  Config config = config_with({list("a", 8)});
  config.reply.url = "https://mx.example/why?id={id}&ip={ip}";
  config.lists[0].url = "https://" + std::string(600, 'x');
  const Facts facts = facts_with({listed()});
  for (int r = 0; r <= static_cast<int>(Reason::kShutdown); ++r) {
    for (const bool soft : {false, true}) {
      Verdict verdict{.action = Action::kRefuse, .reason = static_cast<Reason>(r), .soft = soft};
      if (verdict.reason == Reason::kListed) verdict.list = 0;
      const SmtpReply reply = refusal_reply(verdict, facts, config, "0123456789abc");
      CHECK(reply.enhanced[0] - '0' == reply.code / 100);
      if (soft) CHECK(reply.code / 100 == 4);
      CHECK(reply.wire().size() <= 512);
      if (verdict.reason != Reason::kListed)
        CHECK(reply.wire().find("[0123456789abc]") != std::string::npos);
    }
  }
}

TEST_CASE("every reason has a name and an explanation") {
  const Config config = config_with({list("a", 8)});
  for (int r = 0; r <= static_cast<int>(Reason::kShutdown); ++r) {
    const Verdict verdict{.action = Action::kRefuse, .reason = static_cast<Reason>(r)};
    CHECK_FALSE(name_of(verdict.reason).empty());
    CHECK_FALSE(explain(verdict, facts_with({listed()}), config).empty());
  }
}
