// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <unordered_map>

#include "base/net/ip.h"
#include "smtpgate/policy/config.h"
#include "smtpgate/policy/facts.h"

namespace smtpgate {

/// What a token bucket holds `elapsed_ms` after it held `tokens`: it is refilled evenly over
/// `rate.period`, up to `rate.count`.
float refilled(float tokens, uint64_t elapsed_ms, const hf::Rate& rate);

/// Counts one worker's connections by address and by network, and their rate by address with a
/// token bucket: a bucket holds `rate.count` tokens, refilled over `rate.period`.
class LimitTable {
 public:
  /// Counts a connection in, over a limit or not, and says which limit it is over. A limit of 0 is
  /// no limit. Every enter() wants one leave().
  Limit enter(const hf::IpAddress& client, const Config::Limits& limits, uint64_t now_ms);
  void leave(const hf::IpAddress& client);
  /// Forgets clients with no connection and a full bucket; to be called now and then.
  void sweep(const Config::Limits& limits, uint64_t now_ms);

  uint32_t connections(const hf::IpAddress& client) const;
  size_t size() const { return clients_.size() + networks_.size(); }

 private:
  struct Client {
    uint32_t connections = 0;
    float tokens = 0;
    uint64_t filled_ms = 0;  // when `tokens` was right
  };
  static void refill(Client& client, const hf::Rate& rate, uint64_t now_ms);

  std::unordered_map<hf::IpAddress, Client> clients_;
  std::unordered_map<hf::IpPrefix, uint32_t> networks_;
};

}  // namespace smtpgate
