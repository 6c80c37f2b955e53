// SPDX-License-Identifier: Apache-2.0
//
// Lists the networks that a domain's SPF record lets pass, by following what it refers to.
//
// Problem: providers publish where they send from as SPF records, spread over includes, and change
// them without a word.
// Idea: breadth first over a queue of questions: a record's ip4 and ip6 are networks at once, and
// its include, redirect, a and mx are further questions, asked one after the other: there is time.
// Limits: 200 questions, 5,000 networks. A walk is whole or an error, because half of a provider
// looks like a provider that has shrunk. What only an actual mail could tell (exists, ptr, macros)
// and what does not pass (-, ~, ?) is left out and counted.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "base/net/ip.h"
#include "base/net/resolver.h"

namespace smtpgate {

struct WalkedNets {
  std::vector<hf::IpPrefix> networks;  // as disjoint_networks() leaves them
  size_t skipped_terms = 0;            // which may let pass what is not among them; "all" is none
};

class ProviderWalk {
 public:
  using Done = std::function<void(hf::Result<WalkedNets>)>;

  /// `domain` in lower case, without a final dot. An error names the domain that was the trouble.
  ProviderWalk(hf::Resolver& resolver, std::string domain, Done done);
  ProviderWalk(ProviderWalk&&) noexcept = default;
  ProviderWalk& operator=(ProviderWalk&&) noexcept = default;
  /// From here on `done` is not called.
  ~ProviderWalk() = default;

  /// To be called once. `done` is then called exactly once, later, never from inside start(),
  /// unless the walk or the resolver goes first. It may destroy the walk.
  void start();

 private:
  class Walk;
  std::shared_ptr<Walk> walk_;  // callbacks hold it weakly
  std::string domain_;
};

}  // namespace smtpgate
