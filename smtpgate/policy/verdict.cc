// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/policy/verdict.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace smtpgate {
namespace {

/// What the lists and the reverse name add up to, and how far pending answers could still move it.
struct Score {
  int now = 0;
  int capped = 0;  // as `now`, with no untrusted list reaching the block threshold by itself
  int pending_up = 0, pending_down = 0;  // sums of positive and of negative outstanding weights
  bool failed = false;                   // some answer will not come
  int heaviest = -1;                     // index of the list that added most
  bool heaviest_soft = false;

  int low() const { return now + pending_down; }
  int high() const { return now + pending_up; }
};

bool matches(const ListConfig& list, const ListFact& fact) {
  return std::ranges::any_of(fact.answers, [&](const hf::IpAddress& answer) {
    return classify_list_answer(answer) == ListCode::kListed && list.rule.filter.matches(answer);
  });
}

void add_pending(Score& score, int weight, bool closing) {
  if (closing)
    score.failed = true;
  else
    (weight > 0 ? score.pending_up : score.pending_down) += weight;
}

void add_lists(Score& score, const Facts& facts, const Config& config, bool closing) {
  const int cap = static_cast<int>(config.score.block) - 1;
  int heaviest_weight = 0;
  for (size_t i = 0; i < facts.lists.size() && i < config.lists.size(); ++i) {
    const ListConfig& list = config.lists[i];
    const ListFact& fact = facts.lists[i];
    const int weight = list.rule.weight;
    if (fact.state == ListFact::State::kPending) {
      add_pending(score, weight, closing);
    } else if (fact.state == ListFact::State::kFailed) {
      score.failed = true;
    } else if (fact.state == ListFact::State::kAnswered && matches(list, fact)) {
      score.now += weight;
      score.capped += list.trusted ? weight : std::min(weight, cap);
      if (weight > heaviest_weight) {
        heaviest_weight = weight;
        score.heaviest = static_cast<int>(i);
        score.heaviest_soft = list.soft;
      }
    }
  }
}

void add_rdns(Score& score, const Facts& facts, const Config& config, bool closing) {
  const auto missing = static_cast<int>(config.rdns.missing);
  const auto unconfirmed = static_cast<int>(config.rdns.unconfirmed);
  int weight = 0;
  switch (facts.rdns.state) {
    case RdnsFact::State::kMissing: weight = missing; break;
    case RdnsFact::State::kUnconfirmed: weight = unconfirmed; break;
    case RdnsFact::State::kPending:
      add_pending(score, std::max(missing, unconfirmed), closing);
      return;
    default: return;
  }
  score.now += weight;
  score.capped += weight;
}

Score add_up(const Facts& facts, const Config& config, bool closing) {
  Score score;
  add_lists(score, facts, config, closing);
  add_rdns(score, facts, config, closing);
  return score;
}

Reason reason_of(Limit limit) {
  switch (limit) {
    case Limit::kPerIp: return Reason::kPerIp;
    case Limit::kPerNet: return Reason::kPerNet;
    case Limit::kRate: return Reason::kRate;
    case Limit::kWaitingRoom: return Reason::kWaitingRoom;
    case Limit::kDescriptors: return Reason::kDescriptors;
    case Limit::kNone: break;
  }
  return Reason::kUndecided;
}

Verdict refuse(Reason reason, bool soft) {
  return {.action = Action::kRefuse, .reason = reason, .soft = soft};
}

/// The part of the verdict that needs no waiting; kWait if there is none.
Verdict decide_quickly(const Facts& facts, const Config& config) {
  if (facts.limit == Limit::kDescriptors) return refuse(Reason::kDescriptors, true);
  if (facts.pregreet.state == PregreetFact::State::kHungUp)
    return {.action = Action::kHangup, .reason = Reason::kHungUp};
  if (facts.allowed) return {.action = Action::kHandOff, .reason = Reason::kAllowList};
  if (facts.denied) return refuse(Reason::kDenyList, config.access.soft);
  if (facts.limit != Limit::kNone && facts.limit != Limit::kWaitingRoom)
    return refuse(reason_of(facts.limit), true);
  if (facts.known_good) return {.action = Action::kHandOff, .reason = Reason::kKnownGood};
  if (facts.limit == Limit::kWaitingRoom) return refuse(Reason::kWaitingRoom, true);
  return {};
}

/// The part that the waiting room finds out.
Verdict decide_by_tests(const Facts& facts, const Config& config, const Score& score,
                        bool closing) {
  const auto block = static_cast<int>(config.score.block);
  const auto skip = static_cast<int>(config.score.skip);
  if (score.high() <= skip) return {.action = Action::kHandOff, .reason = Reason::kSkipScore};

  const bool talked = facts.pregreet.state == PregreetFact::State::kTalked &&
                      config.pregreet.action != TestAction::kIgnore;
  if (talked) {
    // An allow list may still excuse it.
    if (score.low() <= skip && score.pending_down < 0) return {};
    Verdict verdict = refuse(Reason::kPregreet, config.pregreet.soft);
    if (config.pregreet.action == TestAction::kDrop) verdict.action = Action::kDrop;
    return verdict;
  }
  if (score.low() >= block) {
    const bool single_untrusted = score.capped + score.pending_down < block;
    // More answers could turn a refusal for now into one for good: worth the wait.
    if (single_untrusted && score.pending_up > 0) return {};
    Verdict verdict = refuse(Reason::kListed, single_untrusted || score.heaviest_soft);
    verdict.list = score.heaviest;
    return verdict;
  }
  const bool settled = score.high() < block && score.pending_down == 0;
  const bool window_over = closing || facts.pregreet.state != PregreetFact::State::kPending;
  if (!window_over || (!settled && !closing)) return {};
  return {.action = Action::kHandOff, .reason = Reason::kPassed};
}

std::string filled_url(std::string_view url, std::string_view id, const hf::IpAddress& client) {
  std::string out(url);
  auto fill = [&](std::string_view what, const std::string& with) {
    for (size_t at = out.find(what); at != std::string::npos; at = out.find(what, at + with.size()))
      out.replace(at, what.size(), with);
  };
  fill("{id}", std::string(id));
  fill("{ip}", client.to_string());
  return out;
}

SmtpReply plain_reply(const Verdict& verdict, const Facts& facts, const Config& config) {
  switch (verdict.reason) {
    case Reason::kDenyList: return {554, "5.7.1", "Refused by local policy"};
    case Reason::kPregreet: return {550, "5.5.1", "You spoke before the greeting"};
    case Reason::kListed: {
      if (verdict.list < 0) return {550, "5.7.1", "Client's reputation is too bad"};
      const ListConfig& list = config.lists[static_cast<size_t>(verdict.list)];
      std::string text =
          fmt::format("Client {} is listed by {}", facts.client.to_string(), list.name);
      if (!list.url.empty()) text += ": " + filled_url(list.url, {}, facts.client);
      return {550, "5.7.1", std::move(text)};
    }
    case Reason::kPerIp:
    case Reason::kPerNet:
      return {421, "4.7.0", "Too many connections from your network, try later"};
    case Reason::kRate: return {421, "4.7.0", "Connection rate exceeded, retry after 5 minutes"};
    case Reason::kWaitingRoom: return {421, "4.3.2", "Busy, please retry"};
    case Reason::kDescriptors: return {421, "4.3.1", "Out of resources, please retry"};
    case Reason::kBackendDown: return {421, "4.3.2", "Mail server temporarily unavailable"};
    case Reason::kShutdown: return {421, "4.3.2", "Service restarting"};
    case Reason::kGreylisted:
      return {451, "4.7.1", "First contact, please retry in a few minutes"};
    default: return {421, "4.7.0", "Closing connection"};
  }
}

constexpr std::array<std::string_view, 5> kActionNames{"wait", "handoff", "refuse", "drop",
                                                       "hangup"};
constexpr std::array<std::string_view, static_cast<size_t>(kLastReason) + 1> kReasonNames{
    "undecided", "allow-list", "known-good",   "passed",       "skip-score",  "deny-list",
    "pregreet",  "listed",     "per-ip",       "per-net",      "rate",        "waiting-room",
    "descriptors", "hung-up",  "backend-down", "proxy-header", "health-check", "shutdown",
    "greylisted", "retried",   "known-scope",  "provider",     "postmaster",   "protocol",
    "no-mail"};

}  // namespace

Verdict decide(const Facts& facts, const Config& config, bool closing) {
  const Score score = add_up(facts, config, closing);
  Verdict verdict = decide_quickly(facts, config);
  if (verdict.action == Action::kWait) verdict = decide_by_tests(facts, config, score, closing);
  verdict.score = score.now;
  verdict.doubtful = score.now >= config.score.grey && score.now < config.score.block;
  verdict.partial = score.failed || score.pending_up != 0 || score.pending_down != 0;
  return verdict;
}

bool wants_greylisting(const Verdict& verdict, const Config& config) {
  if (verdict.action != Action::kHandOff || verdict.reason != Reason::kPassed) return false;
  return config.grey.only == GreyOnly::kAll ||
         (config.grey.only == GreyOnly::kSuspicious && verdict.doubtful);
}

SmtpReply refusal_reply(const Verdict& verdict, const Facts& facts, const Config& config,
                        std::string_view id) {
  SmtpReply reply = plain_reply(verdict, facts, config);
  reply.text += fmt::format(" [{}]", id);
  if (!config.reply.url.empty()) reply.text += " " + filled_url(config.reply.url, id, facts.client);
  return verdict.soft ? reply.softened() : reply;
}

std::string explain(const Verdict& verdict, const Facts& facts, const Config& config) {
  switch (verdict.reason) {
    case Reason::kUndecided: return "no answer is in yet that decides";
    case Reason::kAllowList:
      return fmt::format("it is on an allow list{}{}", facts.access_note.empty() ? "" : ": ",
                         facts.access_note);
    case Reason::kKnownGood: return "it passed every test not long ago";
    case Reason::kPassed:
      return fmt::format("it passed every test that was due (score {}, {} needed to refuse){}{}",
                         verdict.score, config.score.block,
                         verdict.partial ? "; some lists did not answer" : "",
                         wants_greylisting(verdict, config) && config.mode.enforce
                             ? "; doubtful, so it is asked who it is, and to come back if unknown"
                             : "");
    case Reason::kSkipScore:
      return fmt::format("lists speak for it (score {}, {} or less skips all tests)", verdict.score,
                         config.score.skip);
    case Reason::kDenyList:
      return fmt::format("it is on a deny list{}{}", facts.access_note.empty() ? "" : ": ",
                         facts.access_note);
    case Reason::kPregreet:
      return fmt::format("it spoke {} ms after connecting, before it was greeted ({})",
                         facts.pregreet.after_ms, name_of(facts.pregreet.kind));
    case Reason::kListed:
      return fmt::format(
          "lists score it {}, {} refuses{}{}", verdict.score, config.score.block,
          verdict.list < 0
              ? ""
              : "; heaviest is " + config.lists[static_cast<size_t>(verdict.list)].name,
          verdict.soft ? "; for now only, since it is soft or one untrusted list alone" : "");
    case Reason::kPerIp:
      return fmt::format("more than {} connections at once from the address",
                         config.limits.per_ip);
    case Reason::kPerNet:
      return fmt::format(
          "more than {} connections at once from {}",
          facts.client.is_v4() ? config.limits.per_net24 : config.limits.per_net64,
          hf::home_network(facts.client).to_string());
    case Reason::kRate:
      return fmt::format("more than {} connections from the address",
                         hf::format_rate(config.limits.rate_ip));
    case Reason::kWaitingRoom: return "the waiting room was full";
    case Reason::kDescriptors: return "file descriptors ran out";
    case Reason::kHungUp: return "it left before it was greeted";
    case Reason::kBackendDown: return "no mail server behind the gate answered";
    case Reason::kProxyHeader: return "the balancer sent no valid PROXY header";
    case Reason::kHealthCheck: return "it was a balancer's health check";
    case Reason::kShutdown: return "the gate was stopping";
    case Reason::kGreylisted:
      return fmt::format("it is doubtful (score {}, from {} on) and was told to come back later",
                         verdict.score, config.score.grey);
    case Reason::kRetried: return "it is doubtful, and came back as a mail server does";
    case Reason::kKnownScope:
      return "it is doubtful, but of a domain or network that came back before";
    case Reason::kProvider:
      return fmt::format("it is doubtful, but of {}, whose mail is not delayed", facts.provider);
    case Reason::kPostmaster: return "it is doubtful, but wrote to postmaster";
    case Reason::kProtocol: return "it is doubtful, and broke the protocol as no mail server does";
    case Reason::kNoMail: return "it is doubtful, and left without naming a recipient";
  }
  return {};
}

std::string_view name_of(Action action) { return kActionNames[static_cast<size_t>(action)]; }
std::string_view name_of(Reason reason) { return kReasonNames[static_cast<size_t>(reason)]; }

}  // namespace smtpgate
