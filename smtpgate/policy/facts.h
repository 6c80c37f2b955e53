// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include <vector>

#include "base/net/ip.h"
#include "smtpgate/wire/first_bytes.h"

namespace smtpgate {

/// Which limit a connection went over.
enum class Limit : uint8_t { kNone, kPerIp, kPerNet, kRate, kWaitingRoom, kDescriptors };

/// The early-talker test of one connection.
struct PregreetFact {
  enum class State : uint8_t {
    kPassedBefore,  // a remembered pass: not tested
    kPending,       // in the waiting room, silent so far
    kSilent,        // silent for the whole window
    kTalked,        // spoke first
    kHungUp,        // left before the greeting: neither passed nor failed
  };
  State state = State::kPending;
  FirstBytes kind = FirstBytes::kNothing;  // for kTalked
  uint32_t after_ms = 0;                   // when it spoke, left, or was let through
};

/// What one configured list said. `lists[i]` of Facts belongs to `lists[i]` of the Config.
struct ListFact {
  enum class State : uint8_t {
    kNotAsked,  // not due: private address, family, budget, breaker, or a remembered pass
    kPending,
    kAnswered,  // `answers` holds every listing, empty: not listed
    kFailed,    // error or time-out: counts as not listed, and is told as partial
  };
  State state = State::kNotAsked;
  std::vector<hf::IpAddress> answers;
};

/// The reverse name of the client.
struct RdnsFact {
  enum class State : uint8_t { kNotAsked, kPending, kConfirmed, kMissing, kUnconfirmed, kFailed };
  State state = State::kNotAsked;
  std::string name;  // the confirmed name, or one that did not lead back
};

/// All that is known of a connection when its verdict falls; nothing else decides.
struct Facts {
  hf::IpAddress client;
  bool allowed = false;          // on an allow list
  bool denied = false;           // on a deny list
  std::string provider;          // a big sender whose network it is of
  std::string access_note;       // the list's comment for the entry
  Limit limit = Limit::kNone;
  bool known_good = false;       // history holds a pass for every test
  PregreetFact pregreet;
  std::vector<ListFact> lists;
  RdnsFact rdns;
};

std::string_view name_of(Limit limit);
std::string_view name_of(PregreetFact::State state);
std::string_view name_of(ListFact::State state);
std::string_view name_of(RdnsFact::State state);

}  // namespace smtpgate
