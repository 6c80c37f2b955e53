// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/limits.h"

#include <algorithm>

namespace smtpgate {

float refilled(float tokens, uint64_t elapsed_ms, const hf::Rate& rate) {
  const auto capacity = static_cast<float>(rate.count);
  const auto period_ms = static_cast<float>(rate.period.count()) * 1000.0F;
  return std::min(capacity, tokens + static_cast<float>(elapsed_ms) * capacity / period_ms);
}

void LimitTable::refill(Client& client, const hf::Rate& rate, uint64_t now_ms) {
  client.tokens = refilled(client.tokens, now_ms - client.filled_ms, rate);
  client.filled_ms = now_ms;
}

Limit LimitTable::enter(const hf::IpAddress& address, const Config::Limits& limits,
                        uint64_t now_ms) {
  auto [it, is_new] = clients_.try_emplace(address);
  Client& client = it->second;
  if (is_new) {
    client.tokens = static_cast<float>(limits.rate_ip.count);
    client.filled_ms = now_ms;
  }
  refill(client, limits.rate_ip, now_ms);
  const bool has_token = client.tokens >= 1.0F;
  if (has_token) client.tokens -= 1.0F;

  const uint32_t of_address = ++client.connections;
  const uint32_t of_network = ++networks_[hf::home_network(address)];
  const int64_t per_net = address.is_v4() ? limits.per_net24 : limits.per_net64;
  if (limits.per_ip > 0 && of_address > limits.per_ip) return Limit::kPerIp;
  if (per_net > 0 && of_network > per_net) return Limit::kPerNet;
  if (limits.rate_ip.count > 0 && !has_token) return Limit::kRate;
  return Limit::kNone;
}

void LimitTable::leave(const hf::IpAddress& address) {
  if (auto it = clients_.find(address); it != clients_.end() && it->second.connections > 0)
    --it->second.connections;
  auto network = networks_.find(hf::home_network(address));
  if (network != networks_.end() && --network->second == 0) networks_.erase(network);
}

void LimitTable::sweep(const Config::Limits& limits, uint64_t now_ms) {
  const auto full = static_cast<float>(limits.rate_ip.count);
  for (auto it = clients_.begin(); it != clients_.end();) {
    refill(it->second, limits.rate_ip, now_ms);
    const bool forget = it->second.connections == 0 && it->second.tokens >= full;
    it = forget ? clients_.erase(it) : std::next(it);
  }
}

uint32_t LimitTable::connections(const hf::IpAddress& address) const {
  auto it = clients_.find(address);
  return it == clients_.end() ? 0 : it->second.connections;
}

}  // namespace smtpgate
