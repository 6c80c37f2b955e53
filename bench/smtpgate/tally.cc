// SPDX-License-Identifier: Apache-2.0
#include "bench/smtpgate/tally.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace bench {
namespace {

float quantile(const std::vector<float>& sorted, double q) {
  return sorted[static_cast<size_t>(q * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

void Tally::add(Kind kind, const Outcome& outcome) {
  Group& group = groups_[static_cast<size_t>(kind)];
  ++group.connections;
  std::string name(name_of(outcome.end));
  if (outcome.code != 0) name += " " + std::to_string(outcome.code);
  ++group.outcomes[name];
  if (outcome.greeting_ms) group.greetings_ms.push_back(*outcome.greeting_ms);
}

std::string Tally::to_json(double seconds) const {
  uint64_t connections = 0;
  nlohmann::ordered_json kinds = nlohmann::ordered_json::object();
  for (size_t i = 0; i < kKinds; ++i) {
    const Group& group = groups_[i];
    if (group.connections == 0) continue;
    connections += group.connections;
    auto& entry = kinds[std::string(kKindNames[i])];
    entry = {{"connections", group.connections},
             {"outcomes", group.outcomes},
             {"greeted", group.greetings_ms.size()}};
    if (group.greetings_ms.empty()) continue;
    std::vector<float> sorted = group.greetings_ms;
    std::sort(sorted.begin(), sorted.end());
    entry["greeting_ms"] = {
        {"p50", quantile(sorted, 0.5)}, {"p99", quantile(sorted, 0.99)}, {"max", sorted.back()}};
  }
  return nlohmann::ordered_json{
      {"seconds", seconds}, {"connections", connections}, {"kinds", kinds}}
      .dump();
}

}  // namespace bench
