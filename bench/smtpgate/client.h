// SPDX-License-Identifier: Apache-2.0
//
// One SMTP client of the load generator: a sender of a given kind that talks until it has been
// served, refused or disappointed, and can say which.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/core/result.h"
#include "base/net/ip.h"
#include "base/os/fd.h"

namespace bench {

/// Kinds of sender. All but the first three and the last behave as they should.
enum class Kind : uint8_t {
  kPregreet,  // sends EHLO without waiting for the greeting
  kListed,    // waits, then tries to deliver; its network is on the block list
  kHangup,    // resets the connection as soon as it stands
  kUnknown,   // waits, EHLO, QUIT
  kGood,      // the same, from the network of clients that came before
  kMail,      // delivers 1 kB from the network of kGood
  kIdle,      // connects and says nothing until it is closed
};
inline constexpr size_t kKinds = 7;
inline constexpr std::array<std::string_view, kKinds> kKindNames = {
    "pregreet", "listed", "hangup", "unknown", "good", "mail", "idle"};

/// The `index`-th source address of a kind: a /12 of 11.0.0.0/8 each, in an order that scatters
/// neighbours over its /24s. Indexes repeat after 2^20.
hf::IpAddress source_address(Kind kind, uint32_t index);

/// What became of a connection.
struct Outcome {
  enum class End : uint8_t {
    kPassed,     // EHLO, or for spammers RCPT, was answered with 2xx
    kDelivered,  // the message was taken
    kRefused,    // a 4xx or 5xx reply: `code`
    kLeft,       // the client hung up, as was its plan
    kHeld,       // a silent client still connected at the end
    kClosed,     // the server closed or reset before any verdict
    kTimedOut,
    kUnreachable,  // the connection did not come about
    kUnfinished,   // cut off by the end of the run
  };
  End end = End::kUnfinished;
  int code = 0;
  std::optional<float> greeting_ms;  // from connect() to the last line of the 220
};
std::string_view name_of(Outcome::End end);

class Client {
 public:
  /// Begins to connect from `source`; the descriptor is to be watched edge-triggered for input,
  /// output and hang-up. Errors carry errno.
  static hf::Result<Client> connect(Kind kind, const hf::Endpoint& server,
                                    const hf::IpAddress& source, std::string_view recipient,
                                    uint64_t now_us);

  /// Goes on after epoll's `events`. True: the conversation is over.
  bool on_ready(uint32_t events, uint64_t now_us);
  /// Ends the conversation from outside; a verdict already reached stands.
  void abort(Outcome::End end);

  int fd() const { return fd_.get(); }
  Kind kind() const { return kind_; }
  bool connected() const { return stage_ != Stage::kConnecting; }
  const Outcome& outcome() const { return outcome_; }

 private:
  enum class Stage : uint8_t { kConnecting, kGreeting, kEhlo, kFrom, kTo, kData, kBody, kQuit };

  bool start();
  bool read_replies(uint64_t now_us);
  bool on_reply(int code, uint64_t now_us);
  bool decide(Outcome::End end, int code);
  bool say(std::string_view text, Stage next);

  hf::Fd fd_;
  Kind kind_ = Kind::kIdle;
  Stage stage_ = Stage::kConnecting;
  bool decided_ = false;
  uint8_t column_ = 0;  // of the reply line being read, counted up to 4
  bool last_line_ = false;
  int code_ = 0;
  uint64_t began_us_ = 0;
  std::string_view recipient_;  // owned by the caller for the whole run
  Outcome outcome_;
};

}  // namespace bench
