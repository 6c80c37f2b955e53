// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtpgate/gate/stage.h"
#include "smtpgate/grey/greylist.h"
#include "smtpgate/spf/spf_check.h"
#include "smtpgate/wire/smtp_dialogue.h"

namespace smtpgate {

/// A doubtful client being asked who writes to whom. At its first recipient it is told to come
/// back later, or goes on to a mail server in the same session, which is then told all it said.
class DialogueStage final : public Stage {
 public:
  /// `announced`: the keywords that the client is told to EHLO.
  DialogueStage(Worker& worker, std::unique_ptr<Connection> connection,
                std::vector<std::string> announced);
  ~DialogueStage() override;

  /// Greets. May end the stage.
  void start();

 private:
  void on_ready(uint32_t events) override;
  void on_timer() override;
  void on_shutdown() override;

  // These are false once the stage has ended.
  bool take(std::string_view bytes);
  bool handle(SmtpDialogue::Event event);
  bool judge_recipient();
  bool pass(Reason reason);

  bool start_tls();
  /// The terminator's word on the handshake comes before what the client says.
  bool tls_started();

  void ask_spf();
  void arm_timer();
  void send();
  /// The client has gone, or has been told the last word.
  void finish(bool gone);

  SmtpDialogue dialogue_;
  SmtpLineReader lines_;
  std::string unsaid_;
  uint64_t skip_ = 0;            // message data still to come that was refused
  uint64_t session_ends_ms_;
  bool rcpt_waits_ = false;      // for SPF's answer
  bool deferred_ = false;        // some mail of this session
  std::string tls_facts_;        // as far as it has come
  bool tls_opening_ = false;     // the handshake is under way
  std::unique_ptr<SpfCheck> spf_;  // of the sender
  std::optional<SpfOutcome> spf_outcome_;
};

/// Carries out the verdict of a client that wants_greylisting(): at once where it is of a big
/// sender or of a network that is known, else by a dialogue.
void question(Worker& worker, std::unique_ptr<Connection> connection);

}  // namespace smtpgate
