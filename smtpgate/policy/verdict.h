// SPDX-License-Identifier: Apache-2.0
//
// The decision, as a pure function of the facts and the configuration: the daemon, `why`, `test`
// and `replay-log` all call it, so that what is explained is what was done.
//
// Order: limits that protect this machine, allow list, deny list, known good, then the score of
// lists and reverse name, and the early-talker test. A verdict is final as soon as no outstanding
// answer can change it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "smtpgate/policy/config.h"
#include "smtpgate/policy/facts.h"
#include "smtpgate/wire/smtp_reply.h"

namespace smtpgate {

/// Stored in history and logs: append only.
enum class Action : uint8_t { kWait, kHandOff, kRefuse, kDrop, kHangup };

/// Stored in history and logs: append only.
enum class Reason : uint8_t {
  kUndecided,
  kAllowList,
  kKnownGood,
  kPassed,          // every test passed
  kSkipScore,       // allow-scored by DNS lists: the other tests are skipped
  kDenyList,
  kPregreet,
  kListed,
  kPerIp,
  kPerNet,
  kRate,
  kWaitingRoom,
  kDescriptors,
  kHungUp,          // the client left
  kBackendDown,
  kProxyHeader,     // a balancer's missing or broken PROXY header
  kHealthCheck,     // a balancer's own check
  kShutdown,
  kGreylisted,      // doubtful: told to come back
  kRetried,         // … came back in time
  kKnownScope,      // … of a domain or network that came back before
  kProvider,        // … of a big sender
  kPostmaster,      // … and wrote to postmaster, who is never refused by a score
  kProtocol,        // broke the protocol in a way that no mail server does
  kNoMail,          // was greeted, and left without naming a recipient
};

inline constexpr Reason kLastReason = Reason::kNoMail;

struct Verdict {
  Action action = Action::kWait;
  Reason reason = Reason::kUndecided;
  int score = 0;
  bool doubtful = false;  // score in [grey, block)
  bool partial = false;   // a list's answer is missing
  bool soft = false;      // refused for now only
  int list = -1;          // kListed: index of the heaviest list
};

/// kWait while an outstanding answer could still change the verdict. With `closing` the waiting is
/// over: what has not answered counts as failed.
Verdict decide(const Facts& facts, const Config& config, bool closing);

/// Whether a client that would be handed over is to be asked who it is first, and perhaps to come
/// back later.
bool wants_greylisting(const Verdict& verdict, const Config& config);

/// The reply of a refusal: code and text by reason, "[id]" and the configured page at its end.
SmtpReply refusal_reply(const Verdict& verdict, const Facts& facts, const Config& config,
                        std::string_view id);

/// One sentence for a person: why this verdict.
std::string explain(const Verdict& verdict, const Facts& facts, const Config& config);

std::string_view name_of(Action action);   // "handoff", "refuse", …
std::string_view name_of(Reason reason);   // "known-good", "pregreet", …

}  // namespace smtpgate
