// SPDX-License-Identifier: Apache-2.0
//
// Whether the domain of a sender says that a client may send for it: check_host() of RFC 7208 §4,
// over the asynchronous resolver.
//
// Problem: a record leads to other records, and each term may need the DNS, which answers later.
// Records come from strangers, who may make them long, deep or circular.
// Idea: the records under evaluation are an explicit stack, where an include pushes and a redirect
// replaces. Terms are taken one by one until one asks a question; its answer goes on from there.
// One question at a time: most records are settled by their first terms, and a question not asked
// is the cheapest one.
// Limits (RFC 7208 §4.6.4): 10 terms that need the DNS, 10 exchanges of an mx, 10 names of a
// client's address, 2 terms whose question had no answer. Together some 130 questions at most, each
// as long as the resolver's patience; who has less destroys the check.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/net/ip.h"
#include "base/net/resolver.h"
#include "smtpgate/spf/spf_record.h"

namespace smtpgate {

struct SpfOutcome {
  SpfResult result = SpfResult::kNone;
  std::string domain;  // whose identity was checked: of the sender, or else of HELO; lower case
};

class SpfCheck {
 public:
  /// `mail_from` is without angle brackets; if empty, postmaster at `helo` is checked instead
  /// (RFC 7208 §2.4). `resolver` must outlive the check, or at least its callbacks.
  SpfCheck(hf::Resolver& resolver, const hf::IpAddress& client, std::string helo,
           std::string mail_from, std::function<void(SpfOutcome)> done);
  SpfCheck(SpfCheck&&) noexcept = default;
  SpfCheck& operator=(SpfCheck&&) noexcept = default;
  /// From here on `done` is not called; answers that are under way are dropped.
  ~SpfCheck() = default;

  /// To be called once. `done` is then called exactly once, later, never from inside start(),
  /// unless the check or the resolver goes first. It may destroy the check.
  void start();

 private:
  class Evaluation;
  std::shared_ptr<Evaluation> evaluation_;  // callbacks hold it weakly
};

}  // namespace smtpgate
