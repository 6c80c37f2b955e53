// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/list_desk.h"

#include <algorithm>
#include <cstring>

#include "base/core/text.h"

namespace smtpgate {
namespace {

constexpr uint32_t kReverseName = UINT32_MAX;  // a Key's list when the question is the name
constexpr size_t kNamesTried = 3;              // PTR records followed, of those an address has
constexpr uint32_t kShortestTtl = 60, kLongestTtl = 3600;
constexpr uint32_t kFailureTtl = 10;           // how long a list that failed is not asked again

uint64_t lifetime_ms(uint32_t ttl_s) {
  return uint64_t{std::clamp(ttl_s, kShortestTtl, kLongestTtl)} * 1000;
}

/// What a list's reply says, and how its guard is to take it.
std::pair<ListFact, ZoneGuard::Outcome> read_reply(const hf::DnsReply& reply) {
  if (failed(reply.status))
    return {{ListFact::State::kFailed, {}},
            reply.status == hf::DnsStatus::kTimeout ? ZoneGuard::Outcome::kTimeout
                                                    : ZoneGuard::Outcome::kFailed};
  ListFact fact{ListFact::State::kAnswered, {}};
  for (const hf::IpAddress& answer : reply.addresses) {
    const ListCode code = classify_list_answer(answer);
    if (code == ListCode::kListError)
      return {{ListFact::State::kFailed, {}}, ZoneGuard::Outcome::kErrorCode};
    if (code == ListCode::kListed) fact.answers.push_back(answer);
  }
  const auto outcome =
      fact.answers.empty() ? ZoneGuard::Outcome::kNotListed : ZoneGuard::Outcome::kListed;
  return {std::move(fact), outcome};
}

bool is_host_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

/// A reverse name on its way to being confirmed: its names are tried one after another.
struct ListDesk::Reverse {
  hf::IpAddress client;
  std::vector<std::string> names;
  size_t next = 0;
  uint32_t ttl_s = kLongestTtl;
  bool failed = false;
};

ListDesk::ListDesk(hf::Loop& loop, hf::Resolver& resolver, GateMetrics& metrics)
    : loop_(loop), resolver_(resolver), metrics_(metrics) {}

void ListDesk::use(std::shared_ptr<const Ruleset> rules, std::shared_ptr<ZoneGuards> guards) {
  rules_ = std::move(rules);
  guards_ = std::move(guards);
  ++generation_;
  under_way_.clear();
  const auto capacity = static_cast<size_t>(rules_->config.dns.cache);
  answers_ = hf::BoundedCache<Key, KeptFact, KeyHash>(capacity);
  names_ = hf::BoundedCache<hf::IpAddress, RdnsFact>(capacity / 2);
}

ListDesk::Ticket ListDesk::ask(Facts& facts, bool clean, Inquirer& inquirer) {
  const Ticket ticket = ++last_ticket_;
  bool waiting = false;
  for (size_t i = 0; i < facts.lists.size(); ++i)
    if (rules_->asks_dns(i, facts.client)) waiting |= ask_list(i, facts, clean, ticket);
  if (rules_->config.rdns.check && !facts.client.is_private()) {
    waiting |= ask_rdns(facts, ticket);
    rules_->look_up_name(facts);
  }
  if (!waiting) return 0;
  inquirers_.emplace(ticket, &inquirer);
  return ticket;
}

bool ListDesk::ask_list(size_t list, Facts& facts, bool clean, Ticket ticket) {
  const Key key{facts.client, static_cast<uint32_t>(list)};
  ListFact& fact = facts.lists[list];
  if (const KeptFact* cached = answers_.find(key, loop_.now_ms())) {
    fact = recall(*cached);
    metrics_.dns_cache_hits.Increment();
    return false;
  }
  auto same = under_way_.find(key);
  if (same == under_way_.end()) {
    if (!guards_->may_ask(list, loop_.unix_seconds(), clean)) return false;
    under_way_.emplace(key, std::vector{ticket});
    metrics_.dns_inflight.Increment();
    const std::string name =
        hf::list_query_name(facts.client, rules_->config.lists[list].rule.zone);
    resolver_.ask(name, hf::DnsType::kA,
                  [this, key, generation = generation_, asked = loop_.now_ms()](
                      const hf::DnsReply& reply) {
                    metrics_.dns_inflight.Decrement();
                    if (generation == generation_) list_answered(key, reply, asked);
                  });
  } else {
    same->second.push_back(ticket);
  }
  fact.state = ListFact::State::kPending;
  return true;
}

void ListDesk::list_answered(Key key, const hf::DnsReply& reply, uint64_t asked_ms) {
  auto [fact, outcome] = read_reply(reply);
  if (guards_->record(key.list, outcome, key.client, loop_.unix_seconds(),
                      loop_.now_ms() - asked_ms))
    check_sanity(key.list);
  const uint64_t lifetime = failed(reply.status) ? kFailureTtl * 1000 : lifetime_ms(reply.ttl_s);
  answers_.put(key, keep(fact), loop_.now_ms() + lifetime);
  for (const Ticket ticket : take_waiting(key))
    if (auto it = inquirers_.find(ticket); it != inquirers_.end())
      it->second->on_list(key.list, fact);
}

ListDesk::KeptFact ListDesk::keep(const ListFact& fact) {
  KeptFact kept{fact.state, {}};
  for (const hf::IpAddress& answer : fact.answers) {  // of A records, so all are IPv4
    const uint32_t bits = answer.v4_bits();
    kept.answers.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
  return kept;
}

ListFact ListDesk::recall(const KeptFact& kept) {
  ListFact fact{kept.state, {}};
  for (size_t at = 0; at < kept.answers.size(); at += sizeof(uint32_t)) {
    uint32_t bits;
    std::memcpy(&bits, kept.answers.data() + at, sizeof bits);
    fact.answers.push_back(hf::IpAddress::v4(bits));
  }
  return fact;
}

void ListDesk::check_sanity(size_t list) {
  const std::string name = hf::list_query_name(hf::IpAddress::v4(INADDR_LOOPBACK),
                                               rules_->config.lists[list].rule.zone);
  resolver_.ask(name, hf::DnsType::kA,
                [this, list, generation = generation_](const hf::DnsReply& reply) {
                  if (generation == generation_)
                    guards_->record_sanity(list, read_reply(reply).second, loop_.unix_seconds());
                });
}

bool ListDesk::ask_rdns(Facts& facts, Ticket ticket) {
  if (const RdnsFact* cached = names_.find(facts.client, loop_.now_ms())) {
    facts.rdns = *cached;
    return false;
  }
  facts.rdns.state = RdnsFact::State::kPending;
  const Key key{facts.client, kReverseName};
  auto [it, is_new] = under_way_.try_emplace(key);
  it->second.push_back(ticket);
  if (!is_new) return true;
  auto reverse = std::make_shared<Reverse>();
  reverse->client = facts.client;
  resolver_.ask(hf::reverse_name(facts.client), hf::DnsType::kPtr,
                [this, reverse, generation = generation_](const hf::DnsReply& reply) {
                  if (generation == generation_) ptr_answered(reverse, reply);
                });
  return true;
}

void ListDesk::ptr_answered(std::shared_ptr<Reverse> reverse, const hf::DnsReply& reply) {
  if (failed(reply.status)) {
    rdns_settled(reverse->client, {RdnsFact::State::kFailed, {}}, kFailureTtl);
    return;
  }
  reverse->ttl_s = reply.ttl_s;
  for (const std::string& name : reply.texts)
    if (reverse->names.size() < kNamesTried && is_host_name(name))
      reverse->names.push_back(hf::to_lower(name));
  if (reverse->names.empty())
    rdns_settled(reverse->client, {RdnsFact::State::kMissing, {}}, reply.ttl_s);
  else
    confirm_next(reverse);
}

void ListDesk::confirm_next(std::shared_ptr<Reverse> reverse) {
  if (reverse->next == reverse->names.size()) {
    const auto state = reverse->failed ? RdnsFact::State::kFailed : RdnsFact::State::kUnconfirmed;
    rdns_settled(reverse->client, {state, reverse->names.front()}, reverse->ttl_s);
    return;
  }
  const auto type = reverse->client.is_v4() ? hf::DnsType::kA : hf::DnsType::kAaaa;
  resolver_.ask(reverse->names[reverse->next], type,
                [this, reverse, generation = generation_](const hf::DnsReply& reply) {
                  if (generation != generation_) return;
                  reverse->failed |= failed(reply.status);
                  const std::string& name = reverse->names[reverse->next++];
                  if (std::ranges::find(reply.addresses, reverse->client) != reply.addresses.end())
                    rdns_settled(reverse->client, {RdnsFact::State::kConfirmed, name},
                                 std::min(reverse->ttl_s, reply.ttl_s));
                  else
                    confirm_next(reverse);
                });
}

void ListDesk::rdns_settled(const hf::IpAddress& client, RdnsFact fact, uint32_t ttl_s) {
  const uint64_t lifetime =
      fact.state == RdnsFact::State::kFailed ? kFailureTtl * 1000 : lifetime_ms(ttl_s);
  names_.put(client, fact, loop_.now_ms() + lifetime);
  for (const Ticket ticket : take_waiting({client, kReverseName}))
    if (auto it = inquirers_.find(ticket); it != inquirers_.end()) it->second->on_rdns(fact);
}

std::vector<ListDesk::Ticket> ListDesk::take_waiting(const Key& key) {
  auto node = under_way_.extract(key);
  return node.empty() ? std::vector<Ticket>{} : std::move(node.mapped());
}

}  // namespace smtpgate
