// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/spf/spf_check.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/core/text.h"
#include "smtpgate/spf/domain_name.h"
#include "smtpgate/spf/spf_macro.h"

namespace smtpgate {
namespace {

using Kind = SpfMechanism::Kind;
using hf::DnsReply;
using hf::DnsStatus;
using hf::DnsType;

constexpr int kMostDnsTerms = 10;
constexpr int kMostVoidTerms = 2;
constexpr size_t kMostExchanges = 10;
constexpr size_t kMostClientNames = 10;

// No domain name, so the resolver answers without asking anybody, but as late as always.
constexpr std::string_view kNobody = "..";

bool needs_dns(Kind kind) {
  return kind != Kind::kAll && kind != Kind::kIp4 && kind != Kind::kIp6;
}

}  // namespace

class SpfCheck::Evaluation : public std::enable_shared_from_this<SpfCheck::Evaluation> {
 public:
  Evaluation(hf::Resolver& resolver, const hf::IpAddress& client, std::string helo,
             std::string_view mail_from, std::function<void(SpfOutcome)> done);
  void start();

 private:
  /// A record under evaluation.
  struct Frame {
    std::string domain;
    SpfRecord record;
    size_t next = 0;  // the mechanism to look at next

    const SpfMechanism& current() const { return record.mechanisms[next - 1]; }
  };
  using Handler = void (Evaluation::*)(const DnsReply&);

  void ask(std::string_view name, DnsType type, Handler handler);
  void resume(Handler handler, const DnsReply& reply);
  void take_term();
  void evaluate(const SpfMechanism& mechanism);
  void include(std::string domain);
  void redirect();
  void look_up_record();
  void look_up_client_names();
  void look_up_next_exchange();
  void confirm_next_client_name();

  void on_nobody(const DnsReply& reply);
  void on_record(const DnsReply& reply);
  void on_exists(const DnsReply& reply);
  void on_addresses(const DnsReply& reply);
  void on_exchanges(const DnsReply& reply);
  void on_exchange_addresses(const DnsReply& reply);
  void on_client_names(const DnsReply& reply);
  void on_client_name_addresses(const DnsReply& reply);

  bool stopped_by(const DnsReply& reply);
  bool client_is_among(const DnsReply& reply) const;
  std::string expand(std::string_view domain_spec) const;
  std::string target() const;
  std::string_view best_client_name() const;
  DnsType address_type() const { return client_.is_v4() ? DnsType::kA : DnsType::kAaaa; }

  void settle(SpfResult result);
  void finish(SpfResult result);

  hf::Resolver& resolver_;
  hf::IpAddress client_;
  std::string helo_, local_part_, sender_domain_;
  std::function<void(SpfOutcome)> done_;  // empty once called
  bool waiting_ = false;                  // for an answer
  bool led_on_ = false;                   // by an include or a redirect to another record

  std::vector<Frame> frames_;  // the innermost record last
  int dns_terms_ = 0, void_terms_ = 0;
  std::vector<std::string> names_;  // whose addresses are still to be looked up, the next one last
  std::optional<std::vector<std::string>> client_names_;  // those confirmed, once looked up
};

SpfCheck::Evaluation::Evaluation(hf::Resolver& resolver, const hf::IpAddress& client,
                                 std::string helo, std::string_view mail_from,
                                 std::function<void(SpfOutcome)> done)
    : resolver_(resolver), client_(client), helo_(std::move(helo)), done_(std::move(done)) {
  const size_t at = mail_from.rfind('@');
  const std::string_view domain =
      mail_from.empty() ? helo_ : mail_from.substr(at == mail_from.npos ? 0 : at + 1);
  if (at != mail_from.npos) local_part_ = mail_from.substr(0, at);
  if (local_part_.empty()) local_part_ = "postmaster";  // RFC 7208 §4.3
  sender_domain_ = hf::to_lower(domain);
  if (sender_domain_.ends_with('.')) sender_domain_.pop_back();
}

void SpfCheck::Evaluation::start() {
  if (!is_multi_label_name(sender_domain_))
    return ask(kNobody, DnsType::kTxt, &Evaluation::on_nobody);
  frames_.push_back({sender_domain_, {}});
  look_up_record();
}

void SpfCheck::Evaluation::ask(std::string_view name, DnsType type, Handler handler) {
  waiting_ = true;
  resolver_.ask(name, type, [weak = weak_from_this(), handler](const DnsReply& reply) {
    if (const auto self = weak.lock()) self->resume(handler, reply);
  });
}

void SpfCheck::Evaluation::resume(Handler handler, const DnsReply& reply) {
  waiting_ = false;
  (this->*handler)(reply);
  while (!waiting_ && done_) take_term();
}

void SpfCheck::Evaluation::on_nobody(const DnsReply&) {
  finish(SpfResult::kNone);
}

void SpfCheck::Evaluation::look_up_record() {
  ask(frames_.back().domain, DnsType::kTxt, &Evaluation::on_record);
}

void SpfCheck::Evaluation::on_record(const DnsReply& reply) {
  if (failed(reply.status)) return finish(SpfResult::kTempError);
  const auto first = std::ranges::find_if(reply.texts, is_spf_record);
  // A record that was referred to has to be there (RFC 7208 §5.2, §6.1).
  if (first == reply.texts.end()) return finish(led_on_ ? SpfResult::kPermError : SpfResult::kNone);
  const bool several = std::any_of(first + 1, reply.texts.end(), is_spf_record);
  auto record = parse_spf_record(*first);
  if (several || !record) return finish(SpfResult::kPermError);
  frames_.back().record = std::move(*record);
}

void SpfCheck::Evaluation::take_term() {
  Frame& frame = frames_.back();
  const bool at_end = frame.next == frame.record.mechanisms.size();
  if (at_end && frame.record.redirect.empty()) return settle(SpfResult::kNeutral);
  const SpfMechanism* const mechanism = at_end ? nullptr : &frame.record.mechanisms[frame.next];
  const bool is_ptr = mechanism != nullptr && mechanism->kind == Kind::kPtr;
  const std::string& domain_spec = at_end ? frame.record.redirect : mechanism->domain;
  // What the client is called is looked up when it is first needed; the same term comes again.
  if (!client_names_ && (is_ptr || (!domain_spec.empty() && uses_validated_name(domain_spec))))
    return look_up_client_names();

  if (at_end || needs_dns(mechanism->kind)) {
    if (++dns_terms_ > kMostDnsTerms) return finish(SpfResult::kPermError);
  }
  if (at_end) return redirect();
  ++frame.next;
  evaluate(*mechanism);
}

void SpfCheck::Evaluation::evaluate(const SpfMechanism& mechanism) {
  switch (mechanism.kind) {
    case Kind::kAll: return settle(mechanism.result);
    case Kind::kIp4:
    case Kind::kIp6:
      if (mechanism.network && mechanism.network->contains(client_)) settle(mechanism.result);
      return;
    case Kind::kInclude: return include(target());
    case Kind::kPtr: {
      const std::string domain = target();
      if (std::ranges::any_of(*client_names_, [&](const std::string& name) {
            return is_within_domain(name, domain);
          }))
        settle(mechanism.result);
      return;
    }
    default: break;
  }
  // A name that cannot be asked for does not exist (RFC 7208 §4.8).
  const std::string name = target();
  if (!is_domain_name(name)) return;
  if (mechanism.kind == Kind::kA) return ask(name, address_type(), &Evaluation::on_addresses);
  if (mechanism.kind == Kind::kMx) return ask(name, DnsType::kMx, &Evaluation::on_exchanges);
  ask(name, DnsType::kA, &Evaluation::on_exists);
}

std::string SpfCheck::Evaluation::expand(std::string_view domain_spec) const {
  SpfMacroValues values{local_part_, sender_domain_, frames_.back().domain, helo_, {}, client_};
  if (client_names_) values.validated_name = best_client_name();
  return expand_domain_spec(domain_spec, values);
}

std::string SpfCheck::Evaluation::target() const {
  const Frame& frame = frames_.back();
  const std::string& domain_spec = frame.current().domain;
  return domain_spec.empty() ? frame.domain : expand(domain_spec);
}

void SpfCheck::Evaluation::include(std::string domain) {
  led_on_ = true;
  if (!is_multi_label_name(domain)) return finish(SpfResult::kPermError);
  frames_.push_back({std::move(domain), {}});
  look_up_record();
}

void SpfCheck::Evaluation::redirect() {
  std::string domain = expand(frames_.back().record.redirect);
  frames_.pop_back();
  include(std::move(domain));
}

/// The innermost record has come to a result: the includes that led to it match or do not.
void SpfCheck::Evaluation::settle(SpfResult result) {
  while (frames_.size() > 1) {
    frames_.pop_back();
    if (result != SpfResult::kPass) return;
    result = frames_.back().current().result;
  }
  finish(result);
}

void SpfCheck::Evaluation::finish(SpfResult result) {
  std::exchange(done_, nullptr)({result, sender_domain_});
}

/// Whether the answer to a term's own question ends it all.
bool SpfCheck::Evaluation::stopped_by(const DnsReply& reply) {
  if (failed(reply.status)) return finish(SpfResult::kTempError), true;
  if (reply.status == DnsStatus::kNoData && ++void_terms_ > kMostVoidTerms)
    return finish(SpfResult::kPermError), true;
  return false;
}

bool SpfCheck::Evaluation::client_is_among(const DnsReply& reply) const {
  const SpfMechanism& mechanism = frames_.back().current();
  const int length = client_.is_v4() ? mechanism.v4_length : mechanism.v6_length;
  return std::ranges::any_of(reply.addresses, [&](const hf::IpAddress& address) {
    // An AAAA record may hold a mapped IPv4 address, which no IPv6 length fits.
    return address.is_v4() == client_.is_v4() && hf::IpPrefix(address, length).contains(client_);
  });
}

void SpfCheck::Evaluation::on_exists(const DnsReply& reply) {
  if (stopped_by(reply)) return;
  if (reply.status == DnsStatus::kAnswer) settle(frames_.back().current().result);
}

void SpfCheck::Evaluation::on_addresses(const DnsReply& reply) {
  if (stopped_by(reply)) return;
  if (client_is_among(reply)) settle(frames_.back().current().result);
}

void SpfCheck::Evaluation::on_exchanges(const DnsReply& reply) {
  if (stopped_by(reply)) return;
  if (reply.texts.size() > kMostExchanges) return finish(SpfResult::kPermError);
  names_.assign(reply.texts.rbegin(), reply.texts.rend());
  look_up_next_exchange();
}

void SpfCheck::Evaluation::look_up_next_exchange() {
  while (!names_.empty()) {
    const std::string name = std::exchange(names_.back(), {});
    names_.pop_back();
    if (is_domain_name(name)) return ask(name, address_type(), &Evaluation::on_exchange_addresses);
  }
}

void SpfCheck::Evaluation::on_exchange_addresses(const DnsReply& reply) {
  if (failed(reply.status)) return finish(SpfResult::kTempError);
  if (client_is_among(reply)) return settle(frames_.back().current().result);
  look_up_next_exchange();
}

void SpfCheck::Evaluation::look_up_client_names() {
  ask(hf::reverse_name(client_), DnsType::kPtr, &Evaluation::on_client_names);
}

void SpfCheck::Evaluation::on_client_names(const DnsReply& reply) {
  client_names_.emplace();
  // A client whose names cannot be looked up has none.
  if (reply.status != DnsStatus::kAnswer) {
    if (!failed(reply.status)) stopped_by(reply);
    return;
  }
  names_.assign(
      reply.texts.begin(),
      reply.texts.begin() + std::min<ptrdiff_t>(std::ssize(reply.texts), kMostClientNames));
  std::ranges::reverse(names_);
  confirm_next_client_name();
}

void SpfCheck::Evaluation::confirm_next_client_name() {
  while (!names_.empty()) {
    if (is_domain_name(names_.back()))
      return ask(names_.back(), address_type(), &Evaluation::on_client_name_addresses);
    names_.pop_back();
  }
}

void SpfCheck::Evaluation::on_client_name_addresses(const DnsReply& reply) {
  if (std::ranges::find(reply.addresses, client_) != reply.addresses.end())
    client_names_->push_back(hf::to_lower(names_.back()));
  names_.pop_back();
  confirm_next_client_name();
}

/// RFC 7208 §7.3: the domain itself, or else a name below it, or else any.
std::string_view SpfCheck::Evaluation::best_client_name() const {
  if (client_names_->empty()) return "unknown";
  const std::string& domain = frames_.back().domain;
  std::string_view best = client_names_->front();
  for (const std::string& name : *client_names_) {
    if (name == domain) return name;
    if (is_within_domain(name, domain) && !is_within_domain(best, domain)) best = name;
  }
  return best;
}

SpfCheck::SpfCheck(hf::Resolver& resolver, const hf::IpAddress& client, std::string helo,
                   std::string mail_from, std::function<void(SpfOutcome)> done)
    : evaluation_(std::make_shared<Evaluation>(resolver, client, std::move(helo), mail_from,
                                               std::move(done))) {}

void SpfCheck::start() {
  evaluation_->start();
}

}  // namespace smtpgate
