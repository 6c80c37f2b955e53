// SPDX-License-Identifier: Apache-2.0
//
// Copies bytes between a client and a mail server, and parses none of them: two parsers with
// different ideas of where a message ends are what SMTP smuggling lives on.
//
// Each direction reads only while all that it read before is written, so a slow reader stops the
// writer (back-pressure) and an idle session holds no buffer. A direction that has moved 64 KiB
// goes on by splice(2) through a pipe, without copies. An end of file is passed on as a half-close
// once all before it is delivered.
#pragma once

#include <array>
#include <string>

#include "smtpgate/gate/stage.h"

namespace smtpgate {

class Relay final : public Stage {
 public:
  /// `first` goes to the client first.
  Relay(Worker& worker, std::unique_ptr<Connection> connection, hf::Fd server, std::string first);
  ~Relay() override;

  /// May end the stage.
  void start();

 private:
  static constexpr uint64_t kSpliceAfter = 64 * 1024;

  /// One end: 0 is the client, 1 the server.
  struct Side final : hf::ReadyHandler {
    void on_ready(uint32_t events) override;
    Relay* relay = nullptr;
    int fd = -1;
    uint32_t interest = 0;
    bool hung_up = false;  // closed in both directions: no longer watched
  };
  /// The bytes that side i sends to the other side.
  struct Direction {
    std::string unsent;              // read, not yet written
    hf::Fd pipe_in, pipe_out;        // once splicing
    size_t in_pipe = 0;
    uint64_t moved = 0;
    bool ended = false;              // end of file was read
    bool closed = false;             // … and passed on
  };
  enum class Flow : uint8_t { kBlocked, kBroken };

  void on_ready(uint32_t) override {}  // the sides are watched, not the stage
  void on_timer() override;
  void on_shutdown() override;

  void side_ready(Side& side, uint32_t events);
  /// Moves all that can be moved now; kBroken: the session is over.
  Flow pump(int from);
  Flow copy(int from);
  Flow splice(int from);
  bool idle(const Direction& d) const { return d.unsent.empty() && d.in_pipe == 0; }
  void begin_splicing(Direction& d);
  void update_interest();
  /// How long nothing may happen.
  uint64_t patience_ms() const;
  void finish();

  hf::Fd server_;
  std::array<Side, 2> sides_;
  std::array<Direction, 2> directions_;
  uint64_t active_ms_ = 0;
};

}  // namespace smtpgate
