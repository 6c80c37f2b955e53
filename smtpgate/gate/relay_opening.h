// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtpgate/gate/backend_stage.h"
#include "smtpgate/wire/smtp_line.h"

namespace smtpgate {

/// A connection to a mail server being opened for a client: connect, tell who the client is, and
/// read the server's greeting. The greeting goes on to a client that has none or half of one; a
/// greeting that is no 220 is never shown, the next backend is tried instead.
///
/// A client that has been questioned is in the middle of its session. The server is told what it
/// said, in lock-step, and what the server says to the last command is the client's reply.
class RelayOpening final : public BackendStage {
 public:
  using BackendStage::BackendStage;
  ~RelayOpening() override;

  /// May end the stage.
  void start();

 private:
  void on_ready(uint32_t events) override;
  void on_timer() override;

  enum class Step : uint8_t {
    kConnect,
    kFirstGreeting,
    kEhlo,
    kXclient,
    kGreeting,
    // What a client said that was asked before; one by one, since a server may enforce that.
    kClientHello,
    kMail,
    kRcpt
  };

  void connected();
  void replied();
  void ask(Step step, std::string_view command);
  void replay_mail();
  void refuse(SmtpReply reply);
  /// `last` is what the client is told first.
  void join(std::string last);

  hf::Fd server_;
  Step step_ = Step::kConnect;
  SmtpReplyReader reply_;
};

}  // namespace smtpgate
