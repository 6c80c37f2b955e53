// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtpgate/gate/backends.h"
#include "smtpgate/gate/stage.h"
#include "smtpgate/wire/smtp_line.h"

namespace smtpgate {

/// A connection to a mail server being opened for a client: connect, tell who the client is, and
/// read the server's greeting. The greeting goes on to a client that has none or half of one; a
/// greeting that is no 220 is never shown, the next backend is tried instead.
class RelayOpening final : public Stage {
 public:
  RelayOpening(Worker& worker, std::unique_ptr<Connection> connection,
               std::shared_ptr<Backends> backends, size_t index);
  ~RelayOpening() override;

  /// May end the stage.
  void start();

 private:
  void on_ready(uint32_t events) override;
  void on_timer() override;
  void on_shutdown() override;

  enum class Step : uint8_t { kConnect, kFirstGreeting, kEhlo, kXclient, kGreeting };

  void connected();
  void replied();
  void ask(Step step, std::string_view command);
  void join();
  void fail();

  Backend& backend() const { return *backends_->all()[index_]; }

  const std::shared_ptr<Backends> backends_;
  const size_t index_;
  const uint64_t started_ms_;
  hf::Fd server_;
  Step step_ = Step::kConnect;
  SmtpReplyReader reply_;
};

}  // namespace smtpgate
