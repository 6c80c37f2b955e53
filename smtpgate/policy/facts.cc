// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/policy/facts.h"

#include <array>

namespace smtpgate {
namespace {

constexpr std::array<std::string_view, 6> kLimitNames{"-",    "per-ip",       "per-net",
                                                      "rate", "waiting-room", "descriptors"};
constexpr std::array<std::string_view, 5> kPregreetNames{"passed", "pending", "silent", "talked",
                                                         "hangup"};
constexpr std::array<std::string_view, 4> kListNames{"not-asked", "pending", "answered", "failed"};
constexpr std::array<std::string_view, 6> kRdnsNames{"-",       "pending",     "confirmed",
                                                     "missing", "unconfirmed", "failed"};

}  // namespace

std::string_view name_of(Limit limit) { return kLimitNames[static_cast<size_t>(limit)]; }
std::string_view name_of(PregreetFact::State state) {
  return kPregreetNames[static_cast<size_t>(state)];
}
std::string_view name_of(ListFact::State state) { return kListNames[static_cast<size_t>(state)]; }
std::string_view name_of(RdnsFact::State state) { return kRdnsNames[static_cast<size_t>(state)]; }

}  // namespace smtpgate
