// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bench/smtpgate/client.h"

namespace bench {

/// Outcomes and greeting times of a run, by kind of client.
class Tally {
 public:
  void add(Kind kind, const Outcome& outcome);
  /// {"seconds":…, "connections":…, "kinds":{"good":{"connections":…, "outcomes":{"passed":…,
  /// "refused 550":…}, "greeted":…, "greeting_ms":{"p50":…,"p99":…,"max":…}}}}
  std::string to_json(double seconds) const;

 private:
  struct Group {
    uint64_t connections = 0;
    std::map<std::string, uint64_t> outcomes;
    std::vector<float> greetings_ms;
  };
  std::array<Group, kKinds> groups_;
};

}  // namespace bench
