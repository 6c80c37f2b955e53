// SPDX-License-Identifier: Apache-2.0
//
// What the greylist holds, for commands that look while the gate runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "base/net/ip.h"
#include "smtpgate/grey/record.h"

namespace smtpgate {

/// One mail under one of its scopes, or one known-good scope. Who it is about is on disk only as
/// keyed hashes: equal ids are the same mail or client.
struct GreyEntry {
  bool known = false;
  GreyScopeKind kind{};
  uint64_t client = 0;  // the last to try, or who made the scope known
  uint64_t mail = 0;    // sender and recipient; 0 for a known scope
  int64_t first = 0;    // unix seconds: first try, or when it became known
  int64_t last = 0;     // last try, or last use, to about an hour
  int64_t passed = 0;   // when it was let in; 0: still waiting
  uint32_t tries = 0;
};

/// All that is known of one client.
struct GreyStory {
  std::vector<GreyEntry> mails;  // one for each, oldest first; `kind` is its widest scope
  std::vector<GreyEntry> known;  // its network, and the scopes it made known-good
};

class GreyReader {
 public:
  /// Opens the greylist in `folder` for reading, beside a gate that writes. For root and the gate's
  /// user. No greylist there is an error whose `sys` is ENOENT.
  static hf::Result<GreyReader> open(const std::string& folder);
  GreyReader(GreyReader&&) noexcept;
  GreyReader& operator=(GreyReader&&) noexcept;
  ~GreyReader();

  /// Calls `visit` for every entry until it returns false: the known-good scopes, then the mails.
  /// No snapshot is held while it runs; what changes meanwhile may be seen or not.
  hf::Result<void> for_each(const std::function<bool(const GreyEntry&)>& visit) const;
  /// Reads every entry: some tens of milliseconds for a million.
  hf::Result<GreyStory> story(const hf::IpAddress& client) const;

 private:
  struct State;
  explicit GreyReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace smtpgate
