// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "smtpgate/gate/backends.h"
#include "smtpgate/gate/channel.h"
#include "smtpgate/gate/metrics.h"
#include "smtpgate/gate/strangers.h"
#include "smtpgate/gate/tls_door.h"
#include "smtpgate/gate/zone_guards.h"
#include "smtpgate/grey/greylist.h"
#include "smtpgate/history/store.h"
#include "smtpgate/policy/ruleset.h"

namespace smtpgate {

/// What a reload replaces, as a whole.
struct Policy {
  std::shared_ptr<const Ruleset> rules;
  std::shared_ptr<Backends> backends;
  std::shared_ptr<ZoneGuards> guards;
};

/// What all threads of the gate share; each member is safe to use from any of them.
struct Shared {
  Shared(MasterChannel& m, HistoryStore& h, Greylist& g)
      : master(m), history(h), greylist(g), tls(m) {}

  MasterChannel& master;
  HistoryStore& history;
  Greylist& greylist;
  GateMetrics metrics;
  TlsDoor tls;
  Strangers strangers;
  uint32_t workers = 1;
  uint64_t descriptor_limit = 1024;
  std::atomic<int64_t> live{0};      // connections of all stages
  std::atomic<int64_t> waiting{0};   // … in waiting rooms
};

}  // namespace smtpgate
