// SPDX-License-Identifier: Apache-2.0
//
// The server's side of an SMTP session from the end of the greeting to the first recipient: as much
// of RFC 5321 as it takes to learn who writes to whom, and never any mail. It holds no socket and
// no clock; lines go in, replies come out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smtpgate/wire/smtp_line.h"
#include "smtpgate/wire/smtp_reply.h"

namespace smtpgate {

/// Who writes to whom, and the very lines that said so, for a mail server to be told again.
struct Envelope {
  std::string hello;      // "EHLO mx.example" as it came; may be HELO
  std::string mail;       // "MAIL FROM:<…> …"
  std::string rcpt;       // "RCPT TO:<…> …"
  std::string helo;       // the name that followed EHLO
  std::string sender;     // empty: the null sender
  std::string recipient;  // the transaction's first
};

class SmtpDialogue {
 public:
  struct Options {
    std::string name;                   // ours, for greetings
    std::string id;                     // the connection's, ends every refusal
    std::vector<std::string> keywords;  // that the mail server announced to EHLO
    bool tls = false;                   // STARTTLS can be had
  };
  explicit SmtpDialogue(Options options) : options_(std::move(options)) {}

  enum class Event : uint8_t {
    kGoOn,
    kSender,     // MAIL was taken; the sender is known
    kRecipient,  // RCPT waits for defer(), or for somebody else's answer
    kTls,        // the client waits for a TLS handshake
    kClosed,     // the last word is said
  };
  /// Takes a command and appends what is to be said to it to `out`.
  Event take(const SmtpLine& line, std::string& out);
  /// The client did not wait for the reply to its last command, though PIPELINING is not announced.
  Event pipelined(std::string& out);
  /// Closes for a reason from outside the dialogue, with 421.
  Event close(std::string_view enhanced, std::string_view why, std::string& out);

  /// Answers the recipient, and all that follow in this transaction, with a temporary `reply`. A
  /// bounce is told so after DATA only: who checks addresses by a null sender never gets that far.
  void defer(SmtpReply reply, std::string& out);
  /// After kTls: what was said in clear is forgotten (RFC 3207 §4.2).
  void begin_again_in_tls();

  const Envelope& envelope() const { return envelope_; }
  /// Of the message data that a refused BDAT announced: that many bytes are no commands.
  uint64_t take_bytes_to_skip() { return std::exchange(skip_, 0); }

  /// What the client did that no mail server would; kNone if it behaved.
  enum class Fault : uint8_t { kNone, kNonSmtp, kPipelining, kBareLf, kLongLine, kTooMany };
  Fault fault() const { return fault_; }

 private:
  using Handler = Event (SmtpDialogue::*)(const SmtpLine&, std::string&);
  struct Command {
    std::string_view verb;
    Handler handler;
  };
  static const Command kCommands[];

  Event hello(const SmtpLine& line, std::string& out);
  Event mail(const SmtpLine& line, std::string& out);
  Event rcpt(const SmtpLine& line, std::string& out);
  Event data(const SmtpLine& line, std::string& out);
  Event bdat(const SmtpLine& line, std::string& out);
  Event rset(const SmtpLine& line, std::string& out);
  Event quit(const SmtpLine& line, std::string& out);
  Event start_tls(const SmtpLine& line, std::string& out);
  Event simple(const SmtpLine& line, std::string& out);
  Event malformed(const SmtpLine& line, std::string& out);
  Event say(const SmtpReply& reply, std::string& out) const;
  Event fail(Fault fault, std::string_view why, std::string& out);

  Options options_;
  Envelope envelope_;
  enum class Stage : uint8_t { kStart, kGreeted, kMail, kRcpt };
  Stage stage_ = Stage::kStart;
  bool deferred_ = false;  // this transaction's recipients are answered with deferral_
  SmtpReply deferral_;
  int commands_ = 0;
  int recipients_ = 0;
  int malformed_ = 0;
  uint64_t skip_ = 0;
  bool in_tls_ = false;
  Fault fault_ = Fault::kNone;
};

std::string_view name_of(SmtpDialogue::Fault fault);  // "none", "non-smtp", …

/// What an EHLO reply offers: its lines after the first, the keyword in upper case.
std::vector<std::string> ehlo_keywords(std::string_view reply);
/// Those of a mail server's keywords that a client may be told before it is connected to the
/// server: what the server will be asked for later, byte for byte. PIPELINING is not among them,
/// nor is what belongs to one connection (STARTTLS, AUTH, XCLIENT).
std::vector<std::string> passable_keywords(const std::vector<std::string>& keywords);

}  // namespace smtpgate
