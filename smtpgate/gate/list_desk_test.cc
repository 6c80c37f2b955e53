// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/list_desk.h"

#include <doctest/doctest.h>

#include <deque>

using namespace smtpgate;

namespace {

/// A resolver whose answers a test gives by hand.
class HandResolver final : public hf::Resolver {
 public:
  struct Question {
    std::string name;
    hf::DnsType type;
    Callback done;
  };
  void ask(std::string_view name, hf::DnsType type, Callback done) override {
    questions.push_back({std::string(name), type, std::move(done)});
  }
  /// Answers the oldest question.
  void answer(const hf::DnsReply& reply) {
    Question question = std::move(questions.front());
    questions.pop_front();
    question.done(reply);
  }
  std::deque<Question> questions;
};

struct Client final : ListDesk::Inquirer {
  explicit Client(const char* ip) { facts.client = *hf::IpAddress::parse(ip); }
  void on_list(size_t list, const ListFact& fact) override {
    facts.lists[list] = fact;
    ++told;
  }
  void on_rdns(const RdnsFact& fact) override {
    facts.rdns = fact;
    ++told;
  }
  Facts facts;
  int told = 0;
};

struct Desk {
  explicit Desk(bool rdns = false, hf::Rate budget = {}) {
    Config config;
    config.rdns.check = rdns;
    ListConfig list;
    list.name = list.rule.zone = "zen.example";
    list.rule.weight = 8;
    list.budget = budget;
    config.lists.push_back(list);
    rules = *Ruleset::load(config, open_directly);
    desk.use(rules, std::make_shared<ZoneGuards>(rules->config, metrics, nullptr));
  }
  ListDesk::Ticket ask(Client& client, bool clean = false) {
    rules->look_up_local_lists(client.facts);
    return desk.ask(client.facts, clean, client);
  }

  hf::ManualClock clock;
  std::unique_ptr<hf::Loop> loop = *hf::Loop::create(clock);
  HandResolver resolver;
  GateMetrics metrics;
  ListDesk desk{*loop, resolver, metrics};
  std::shared_ptr<const Ruleset> rules;
};

hf::DnsReply address(const char* ip) {
  return {hf::DnsStatus::kAnswer, 300, {*hf::IpAddress::parse(ip)}, {}};
}
hf::DnsReply name(const char* text) { return {hf::DnsStatus::kAnswer, 300, {}, {text}}; }
const hf::DnsReply kNothing{hf::DnsStatus::kNoData, 300, {}, {}};
const hf::DnsReply kServfail{hf::DnsStatus::kFailed, 0, {}, {}};

}  // namespace

TEST_CASE("any number of clients of one address cause one query, and the cache the next none") {
  Desk desk;
  Client first("198.51.100.7"), second("198.51.100.7"), third("198.51.100.7");
  CHECK(desk.ask(first) != 0);
  CHECK(desk.ask(second) != 0);
  REQUIRE(desk.resolver.questions.size() == 1);
  CHECK(desk.resolver.questions[0].name == "7.100.51.198.zen.example");
  desk.resolver.answer(address("127.0.0.2"));
  CHECK(first.facts.lists[0].answers.size() == 1);
  CHECK(second.facts.lists[0].answers.size() == 1);

  CHECK(desk.ask(third) == 0);
  CHECK(third.facts.lists[0].answers.size() == 1);
  CHECK(desk.resolver.questions.empty());
}

TEST_CASE("an answer expires with its TTL") {
  Desk desk;
  Client first("198.51.100.7"), later("198.51.100.7");
  desk.ask(first);
  desk.resolver.answer(kNothing);
  desk.clock.advance_ms(301'000);
  desk.loop->run_once(0);
  CHECK(desk.ask(later) != 0);
  CHECK(desk.resolver.questions.size() == 1);
}

TEST_CASE("a client that has left is not told, and its answer is kept") {
  Desk desk;
  Client gone("198.51.100.7"), next("198.51.100.7");
  desk.desk.forget(desk.ask(gone));
  desk.resolver.answer(address("127.0.0.2"));
  CHECK(gone.told == 0);
  CHECK(desk.ask(next) == 0);
  CHECK(next.facts.lists[0].answers.size() == 1);
}

TEST_CASE("answers that a list must not give are no listings") {
  for (const char* answer : {"127.0.0.1", "8.8.8.8"}) {
    Desk desk;
    Client client("198.51.100.7");
    desk.ask(client);
    desk.resolver.answer(address(answer));
    CHECK(client.facts.lists[0].state == ListFact::State::kAnswered);
    CHECK(client.facts.lists[0].answers.empty());
  }
  Desk desk;
  Client client("198.51.100.7"), next("198.51.100.8");
  desk.ask(client);
  desk.resolver.answer(address("127.255.255.254"));
  CHECK(client.facts.lists[0].state == ListFact::State::kFailed);
  // The list said that it will not answer us, so it is not asked again for now.
  desk.ask(next);
  CHECK(desk.resolver.questions.empty());
  CHECK(next.facts.lists[0].state == ListFact::State::kNotAsked);
}

TEST_CASE("private addresses are never asked about, nor IPv6 without the list's consent") {
  Desk desk(true);
  for (const char* ip : {"10.0.0.1", "127.0.0.1", "192.168.1.1", "fe80::1", "fd00::1"}) {
    Client client(ip);
    CHECK(desk.ask(client) == 0);
  }
  CHECK(desk.resolver.questions.empty());
  Client v6("2a00::1");
  desk.ask(v6);
  REQUIRE(desk.resolver.questions.size() == 1);
  CHECK(desk.resolver.questions[0].type == hf::DnsType::kPtr);
}

TEST_CASE("a budget that is spent sends no more queries") {
  Desk desk(false, {2, std::chrono::seconds(86'400)});
  for (const char* ip : {"198.51.100.1", "198.51.100.2", "198.51.100.3"}) {
    Client client(ip);
    desk.desk.forget(desk.ask(client));
  }
  CHECK(desk.resolver.questions.size() == 2);
}

TEST_CASE("a reverse name is confirmed by leading back") {
  Desk desk(true);
  Client client("198.51.100.7");
  desk.ask(client);
  desk.resolver.answer(kNothing);  // the list
  REQUIRE(desk.resolver.questions.size() == 1);
  CHECK(desk.resolver.questions[0].name == "7.100.51.198.in-addr.arpa");
  SUBCASE("it does") {
    desk.resolver.answer(name("Mx.Example"));
    CHECK(desk.resolver.questions.front().name == "mx.example");
    desk.resolver.answer(address("198.51.100.7"));
    CHECK(client.facts.rdns.state == RdnsFact::State::kConfirmed);
    CHECK(client.facts.rdns.name == "mx.example");
  }
  SUBCASE("it leads elsewhere") {
    desk.resolver.answer(name("mx.example"));
    desk.resolver.answer(address("203.0.113.9"));
    CHECK(client.facts.rdns.state == RdnsFact::State::kUnconfirmed);
  }
  SUBCASE("there is none") {
    desk.resolver.answer(kNothing);
    CHECK(client.facts.rdns.state == RdnsFact::State::kMissing);
  }
  SUBCASE("nobody knows") {
    desk.resolver.answer(kServfail);
    CHECK(client.facts.rdns.state == RdnsFact::State::kFailed);
  }
  SUBCASE("it is no host name") {
    desk.resolver.answer(name("evil name\n"));
    CHECK(client.facts.rdns.state == RdnsFact::State::kMissing);
  }
}

TEST_CASE("answers to questions of an older configuration are dropped") {
  Desk desk;
  Client client("198.51.100.7");
  desk.ask(client);
  desk.desk.use(desk.rules, std::make_shared<ZoneGuards>(desk.rules->config, desk.metrics, nullptr));
  desk.resolver.answer(address("127.0.0.2"));
  CHECK(client.told == 0);
}

TEST_CASE("a list that lists nearly everybody is asked about 127.0.0.1") {
  Desk desk;
  auto ask_200 = [&] {
    for (uint32_t i = 0; i < 200; ++i) {
      Client client("198.51.100.7");
      client.facts.client = hf::IpAddress::v4(0xc6336400 + i);
      desk.desk.forget(desk.ask(client));
      desk.resolver.answer(address("127.0.0.2"));
    }
  };
  ask_200();
  REQUIRE(desk.resolver.questions.size() == 1);
  CHECK(desk.resolver.questions[0].name == "1.0.0.127.zen.example");
  Client next("203.0.113.1");
  SUBCASE("it does not list that, so the clients are a flood of bots") {
    desk.resolver.answer(kNothing);
    CHECK(desk.ask(next) != 0);
  }
  SUBCASE("it does, so it lists the world and no longer counts") {
    desk.resolver.answer(address("127.0.0.2"));
    CHECK(desk.ask(next) == 0);
  }
}
