// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/spf/provider_walk.h"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/core/text.h"
#include "smtpgate/spf/domain_name.h"
#include "smtpgate/spf/provider_nets.h"
#include "smtpgate/spf/spf_record.h"

namespace smtpgate {
namespace {

using Kind = SpfMechanism::Kind;
using hf::DnsReply;
using hf::DnsStatus;
using hf::DnsType;

constexpr size_t kMostQuestions = 200;
constexpr size_t kMostNetworks = 5000;

}  // namespace

class ProviderWalk::Walk : public std::enable_shared_from_this<ProviderWalk::Walk> {
 public:
  Walk(hf::Resolver& resolver, Done done) : resolver_(resolver), done_(std::move(done)) {}

  void start(std::string domain);

 private:
  /// A question under way or to come, with the lengths of the term that it is for.
  struct Question {
    std::string name;
    DnsType type = DnsType::kTxt;
    int v4_length = 32, v6_length = 128;
    auto operator<=>(const Question&) const = default;
  };

  void add(Question question);
  void ask_next();
  void on_reply(const DnsReply& reply);
  hf::Result<void> take_reply(const Question& question, const DnsReply& reply);
  hf::Result<void> take_record(const std::string& domain, const DnsReply& reply);
  void take_mechanism(const std::string& domain, const SpfMechanism& mechanism);
  void refer(DnsType type, std::string_view domain_spec, const SpfMechanism& mechanism);
  void add_addresses_of(const std::string& name, int v4_length, int v6_length);
  void finish(hf::Result<WalkedNets> result) { std::exchange(done_, nullptr)(std::move(result)); }

  hf::Resolver& resolver_;
  Done done_;
  std::set<Question> known_;  // asked or to be asked; a circle is walked once
  std::deque<Question> to_ask_;
  WalkedNets nets_;
};

void ProviderWalk::Walk::start(std::string domain) {
  add({std::move(domain)});
  ask_next();
}

void ProviderWalk::Walk::add(Question question) {
  if (known_.insert(question).second) to_ask_.push_back(std::move(question));
}

void ProviderWalk::Walk::ask_next() {
  resolver_.ask(to_ask_.front().name, to_ask_.front().type,
                [weak = weak_from_this()](const DnsReply& reply) {
                  if (const auto self = weak.lock()) self->on_reply(reply);
                });
}

void ProviderWalk::Walk::on_reply(const DnsReply& reply) {
  const Question question = std::move(to_ask_.front());
  to_ask_.pop_front();
  if (auto taken = take_reply(question, reply); !taken)
    return finish(hf::fail(std::move(taken).error().within(hf::printable(question.name, 253))));
  if (!to_ask_.empty()) return ask_next();
  nets_.networks = disjoint_networks(std::move(nets_.networks));
  finish(std::move(nets_));
}

hf::Result<void> ProviderWalk::Walk::take_reply(const Question& question, const DnsReply& reply) {
  if (reply.status == DnsStatus::kTimeout) return hf::fail("the DNS gave no answer in time");
  if (reply.status == DnsStatus::kFailed) return hf::fail("the DNS could not answer");
  if (question.type == DnsType::kTxt) {
    HF_TRY(take_record(question.name, reply));
  } else if (question.type == DnsType::kMx) {
    for (const std::string& exchange : reply.texts)
      if (is_domain_name(exchange))
        add_addresses_of(exchange, question.v4_length, question.v6_length);
  } else {
    const bool v4 = question.type == DnsType::kA;
    for (const hf::IpAddress& address : reply.addresses)
      if (address.is_v4() == v4)  // an AAAA record may hold a mapped IPv4 address
        nets_.networks.emplace_back(address, v4 ? question.v4_length : question.v6_length);
  }
  if (known_.size() > kMostQuestions)
    return hf::fail(fmt::format("up to here it takes more than {} questions", kMostQuestions));
  if (nets_.networks.size() > kMostNetworks)
    return hf::fail(fmt::format("up to here there are more than {} networks", kMostNetworks));
  return {};
}

hf::Result<void> ProviderWalk::Walk::take_record(const std::string& domain, const DnsReply& reply) {
  const auto first = std::ranges::find_if(reply.texts, is_spf_record);
  if (first == reply.texts.end()) return hf::fail("it has no SPF record");
  if (std::any_of(first + 1, reply.texts.end(), is_spf_record))
    return hf::fail("it has several SPF records");
  HF_TRY_ASSIGN(const SpfRecord record, parse_spf_record(*first));
  for (const SpfMechanism& mechanism : record.mechanisms) {
    take_mechanism(domain, mechanism);
    if (mechanism.kind == Kind::kAll) return {};  // nothing behind it counts
  }
  if (!record.redirect.empty()) refer(DnsType::kTxt, record.redirect, {});
  return {};
}

void ProviderWalk::Walk::take_mechanism(const std::string& domain, const SpfMechanism& mechanism) {
  if (mechanism.result != SpfResult::kPass) {
    if (mechanism.kind != Kind::kAll) ++nets_.skipped_terms;
    return;
  }
  const std::string& target = mechanism.domain.empty() ? domain : mechanism.domain;
  switch (mechanism.kind) {
    case Kind::kAll:  // everybody: too wide, as accept_refresh() will say
      nets_.networks.emplace_back(hf::IpAddress::v4(0), 0);
      nets_.networks.emplace_back(hf::IpAddress(), 0);
      return;
    case Kind::kIp4:
    case Kind::kIp6:
      if (mechanism.network) nets_.networks.push_back(*mechanism.network);
      return;
    case Kind::kInclude: return refer(DnsType::kTxt, target, {});
    case Kind::kA: return refer(DnsType::kA, target, mechanism);
    case Kind::kMx: return refer(DnsType::kMx, target, mechanism);
    case Kind::kPtr:
    case Kind::kExists: ++nets_.skipped_terms; return;
  }
}

/// Goes on with the name that a term gives, if it gives one without a mail to look at.
void ProviderWalk::Walk::refer(DnsType type, std::string_view domain_spec,
                               const SpfMechanism& mechanism) {
  std::string name = hf::to_lower(domain_spec);
  if (name.ends_with('.')) name.pop_back();
  if (name.find('%') != name.npos || !is_domain_name(name))
    ++nets_.skipped_terms;
  else if (type == DnsType::kA)
    add_addresses_of(name, mechanism.v4_length, mechanism.v6_length);
  else
    add({std::move(name), type, mechanism.v4_length, mechanism.v6_length});
}

void ProviderWalk::Walk::add_addresses_of(const std::string& name, int v4_length, int v6_length) {
  add({name, DnsType::kA, v4_length, v6_length});
  add({name, DnsType::kAaaa, v4_length, v6_length});
}

ProviderWalk::ProviderWalk(hf::Resolver& resolver, std::string domain, Done done)
    : walk_(std::make_shared<Walk>(resolver, std::move(done))), domain_(std::move(domain)) {}

void ProviderWalk::start() {
  walk_->start(domain_);
}

}  // namespace smtpgate
