// SPDX-License-Identifier: Apache-2.0
//
// Greylisting: who is not known yet is asked to come back later, once. The policy is in
// greylist.cc, what is on disk in store.cc and record.h; nothing here knows of sockets or replies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/core/clock.h"
#include "base/core/result.h"
#include "base/net/ip.h"

namespace smtpgate {

struct GreyOptions {
  uint32_t min_s = 60;               // a retry sooner than this is early
  uint32_t window_s = 24 * 3600;     // a retry later than this is a first try again
  uint32_t keep_s = 36 * 24 * 3600;  // a scope stays known-good for this long after its last use
  uint64_t max_entries = 1'000'000;  // pending and known together; the oldest pending go first
};

/// One mail that is being offered, as far as greylisting looks at it.
struct GreyAttempt {
  hf::IpAddress client;
  std::vector<std::string> scopes;  // scopes_of(): what the client is known by, widest first
  std::string sender;               // of MAIL FROM without <>, as it came; "" is the null sender
  std::string recipient;            // of the first RCPT TO, as it came
};

enum class GreyAnswer : uint8_t {
  kNew,     // first seen: defer
  kEarly,   // came back too soon: defer
  kPassed,  // came back in time: let in, and all its scopes are known-good from now on
  kKnown,   // one of its scopes is known-good: let in
};

struct GreyDecision {
  GreyAnswer answer = GreyAnswer::kNew;
  std::string scope;      // by which it was recognised; empty for kNew
  uint32_t waited_s = 0;  // since the first try; 0 for kNew and kKnown
  uint32_t tries = 1;     // with this one; 0 for kKnown
};

/// The greylist of a running gate. Every member may be called by any thread; those that write to
/// disk take turns. In a process, a folder may be open once at a time.
class Greylist {
 public:
  /// Opens or makes grey.mdb and its secret grey.key in `folder`. `clock` must outlive the
  /// greylist.
  static hf::Result<Greylist> open(const std::string& folder, const GreyOptions& options,
                                   const hf::Clock& clock);
  Greylist(Greylist&&) noexcept;
  Greylist& operator=(Greylist&&) noexcept;
  ~Greylist();

  /// Judges and remembers the attempt. Never waits for the disk's writing.
  GreyDecision decide(const GreyAttempt& attempt);
  /// Whether one of `scopes` is known-good; if so, that counts as a use of it.
  bool is_known(std::span<const std::string> scopes);

  /// Writes what was learnt since the last call; to be called once a second. A process that is
  /// killed loses what was learnt after the last one. On an error what was learnt stays in memory,
  /// up to `max_entries`, and is tried again by the next call.
  hf::Result<void> commit();
  /// Removes up to `limit` entries that are due. Returns how many.
  hf::Result<size_t> expire_some(size_t limit);

  /// Forgets every mail that waits or has passed; what is known-good stays. Returns how many
  /// entries that were (a mail has one for each scope), as far as they were on disk.
  hf::Result<uint64_t> flush();
  /// Forgets the mails that `client` was the last to offer, its network as known-good, and the
  /// scopes it made known-good. Returns how many entries that were, as far as they were on disk.
  hf::Result<uint64_t> forget(const hf::IpAddress& client);

  struct Size {
    uint64_t pending = 0;  // entries on disk for mails, waiting or passed
    uint64_t known = 0;    // known-good scopes on disk
  };
  hf::Result<Size> size() const;

 private:
  struct State;
  explicit Greylist(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace smtpgate
