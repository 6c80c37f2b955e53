// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "smtpgate/gate/stage.h"
#include "smtpgate/wire/smtp_line.h"
#include "smtpgate/wire/smtp_reply.h"

namespace smtpgate {

/// Refuses a client in valid SMTP: completes the greeting, refuses the first command, answers QUIT,
/// and closes so that the client can read what it was told.
///
/// Where nothing has been sent yet, the refusal is the greeting itself: 421 and close, or 554 and
/// then 503 to all but QUIT (RFC 5321 §3.1). A client that does not speak SMTP is told 421 at once,
/// and one whose RCPT waits for a reply has it as the reply.
class Refusal final : public Stage {
 public:
  Refusal(Worker& worker, std::unique_ptr<Connection> connection, SmtpReply reply);
  ~Refusal() override;

  /// May end the stage.
  void start();

 private:
  void on_ready(uint32_t events) override;
  void on_timer() override;
  void on_shutdown() override;

  /// What the dialogue ends with, if `line` ends it.
  std::optional<SmtpReply> last_word(const SmtpLine& line);
  void say(std::string_view bytes) { unsaid_ += bytes; }
  /// Best effort: what the socket does not take is dropped, since the client is not wanted.
  void send_unsaid();
  void say_and_close(const SmtpReply& reply);
  void close();

  SmtpReply reply_;
  SmtpLineReader lines_;
  std::string unsaid_;      // replies of one round, sent together
  int commands_ = 0;
};

}  // namespace smtpgate
