// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/net/ip.h"
#include "base/os/fd.h"
#include "smtpgate/policy/facts.h"
#include "smtpgate/policy/ruleset.h"
#include "smtpgate/policy/verdict.h"
#include "smtpgate/wire/smtp_dialogue.h"

namespace smtpgate {

/// Names one connection in the log, in replies and to people: 13 characters, sortable by time,
/// unique across restarts and workers.
class ConnectionId {
 public:
  ConnectionId() = default;
  /// `serial` counts a worker's connections of this second.
  ConnectionId(int64_t unix_seconds, uint32_t worker, uint32_t serial);
  std::string_view view() const { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 13> text_{};
};

/// What a doubtful client said when it was asked, for the hand-over and for the log.
struct Questioned {
  Envelope envelope;
  std::vector<std::string> announced;  // the keywords that it was told to EHLO
  bool rcpt_waits = false;             // its RCPT has had no reply
  std::optional<SmtpReply> refused_by; // what the last backend said in place of taking it
  std::string spf, grey, tls;          // as in LogLine
};

/// One accepted client, as it moves from stage to stage. Its owner is the stage it is in; it ends
/// in Worker::conclude(), once.
struct Connection {
  hf::Fd fd;  // in blocking mode, as a server expects it: all calls say MSG_DONTWAIT
  bool watched = false;  // registered with the loop
  hf::Endpoint peer;
  hf::Endpoint server;
  ConnectionId id;
  uint64_t accepted_ms = 0;
  int64_t accepted_unix = 0;
  std::shared_ptr<const Ruleset> rules;  // that judge it, whatever is reloaded meanwhile

  Facts facts;
  Verdict verdict;
  bool pregreet_due = false;  // no remembered pass: the early-talker test is on
  bool lists_due = false;     // … and the DNS tests

  /// How much of the greeting the client has been sent by us.
  enum class Greeting : uint8_t { kNone, kTeaser, kComplete };
  Greeting greeting = Greeting::kNone;

  std::unique_ptr<Questioned> questioned;  // only of who was

  bool counted = false;       // holds a place in the worker's LimitTable
  std::string_view backend;   // kind of the hand-over that was used; a literal
  int refusal_code = 0;       // SMTP code that the client was refused with
  uint64_t bytes_in = 0, bytes_out = 0;

  const Config& config() const { return rules->config; }
};

}  // namespace smtpgate
