// SPDX-License-Identifier: Apache-2.0
//
// Where a worker's waiting clients ask DNS lists and reverse names.
//
// In front of the resolver stand a cache, and a table of questions under way so that any number of
// clients of one address cause one query. Who waits is known by a ticket, never by address: an
// answer for a client that has left finds no ticket and is only cached.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/core/bounded_cache.h"
#include "base/net/loop.h"
#include "base/net/resolver.h"
#include "smtpgate/gate/zone_guards.h"
#include "smtpgate/policy/ruleset.h"

namespace smtpgate {

class ListDesk {
 public:
  /// Told of answers; never from inside ask().
  class Inquirer {
   public:
    virtual ~Inquirer() = default;
    virtual void on_list(size_t list, const ListFact& fact) = 0;
    virtual void on_rdns(const RdnsFact& fact) = 0;
  };
  using Ticket = uint64_t;  // 0: none

  ListDesk(hf::Loop& loop, hf::Resolver& resolver, GateMetrics& metrics);
  /// From now on lists are those of `rules`. Answers under way are dropped: their clients' facts
  /// stay pending until their deadline.
  void use(std::shared_ptr<const Ruleset> rules, std::shared_ptr<ZoneGuards> guards);

  /// Fills the facts that need DNS: from the cache, else as kPending with a question under way.
  /// `clean`: the client's history speaks for it, so a tight budget may skip it.
  Ticket ask(Facts& facts, bool clean, Inquirer& inquirer);
  /// After this `inquirer` is not called any more.
  void forget(Ticket ticket) { inquirers_.erase(ticket); }

 private:
  struct Key {
    hf::IpAddress client;
    uint32_t list;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const noexcept {
      return std::hash<hf::IpAddress>()(key.client) ^ (key.list * 0x9e3779b97f4a7c15ULL);
    }
  };
  struct Reverse;
  /// A ListFact as the cache keeps it.
  struct KeptFact {
    ListFact::State state;
    std::string answers;  // 4 octets each, of which three need no memory of their own
  };
  static KeptFact keep(const ListFact& fact);
  static ListFact recall(const KeptFact& kept);

  bool ask_list(size_t list, Facts& facts, bool clean, Ticket ticket);
  void check_sanity(size_t list);
  bool ask_rdns(Facts& facts, Ticket ticket);
  void list_answered(Key key, const hf::DnsReply& reply, uint64_t asked_ms);
  void ptr_answered(std::shared_ptr<Reverse> reverse, const hf::DnsReply& reply);
  void confirm_next(std::shared_ptr<Reverse> reverse);
  void rdns_settled(const hf::IpAddress& client, RdnsFact fact, uint32_t ttl_s);
  std::vector<Ticket> take_waiting(const Key& key);

  hf::Loop& loop_;
  hf::Resolver& resolver_;
  GateMetrics& metrics_;
  std::shared_ptr<const Ruleset> rules_;
  std::shared_ptr<ZoneGuards> guards_;
  uint64_t generation_ = 0;  // of rules_; an answer of an older one is dropped

  Ticket last_ticket_ = 0;
  std::unordered_map<Ticket, Inquirer*> inquirers_;
  std::unordered_map<Key, std::vector<Ticket>, KeyHash> under_way_;
  hf::BoundedCache<Key, KeptFact, KeyHash> answers_{0};
  hf::BoundedCache<hf::IpAddress, RdnsFact> names_{0};
};

}  // namespace smtpgate
