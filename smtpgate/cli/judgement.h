// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "smtpgate/cli/commands.h"
#include "smtpgate/cli/grey_story.h"
#include "smtpgate/history/record.h"
#include "smtpgate/policy/ruleset.h"
#include "smtpgate/policy/verdict.h"

namespace smtpgate {

/// What a client would meet now.
struct Judgement {
  Facts facts;
  Verdict verdict;
  std::shared_ptr<const Ruleset> rules;
};

struct Circumstances {
  std::optional<HistoryRecord> record;  // what is remembered of it
  bool talks = false;                   // it speaks before the greeting
  bool ask_dns = true;
};

/// Judges a client by the same function as the daemon, asking the lists now. Limits on what is
/// connected at once are not known here and do not count.
hf::Result<Judgement> judge_now(std::shared_ptr<const Ruleset> rules, const hf::IpAddress& client,
                                const Circumstances& circumstances);

/// The facts and the verdict, told to a person, a line each.
std::string tell(const Judgement& judgement);
/// The same as a JSON object.
std::string tell_json(const Judgement& judgement, const std::optional<HistoryRecord>& record,
                      const GreyStory& story);

/// "refuse" becomes "would be refused" and so on.
std::string_view future_of(Action action);

}  // namespace smtpgate
