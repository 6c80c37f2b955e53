// SPDX-License-Identifier: Apache-2.0
//
// One client: its handshake, then bytes in both directions until both are closed.
//
// A direction reads only while all that it read before is written, so a slow reader stops the
// writer (back-pressure), a session holds at most one record a direction, and an idle one none. An
// end of file is passed on once all before it is delivered: close_notify and FIN on the TLS side,
// a half-close on the plain side. When the gate has closed its end for good, what the client still
// sends is read and dropped for a while, since closing on unread bytes would reset the connection
// and take the last reply from the client.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <openssl/types.h>

#include "base/net/loop.h"
#include "smtpgate/tls/session_request.h"

namespace smtpgate {

class Session final : public hf::Timer {
 public:
  static constexpr uint64_t kHandshakeMs = 30'000;
  static constexpr uint64_t kIdleMs = 600'000;   // without a byte in either direction
  static constexpr uint64_t kLingerMs = 10'000;  // for a client to close after the gate

  /// `ended` is called once, as the last thing that the session does; it may destroy it.
  using Ended = std::function<void(Session&)>;

  Session(hf::Loop& loop, SSL_CTX& context, SessionRequest request, Ended ended);
  ~Session() override;

  /// May end the session.
  void start();

 private:
  /// One of the two sockets.
  struct Side final : hf::ReadyHandler {
    void on_ready(uint32_t events) override;
    Session* session = nullptr;
    hf::Fd fd;
    uint32_t interest = 0;
    bool hung_up = false;  // closed in both directions: no longer watched
  };
  struct Direction {
    std::string unsent;   // read, not yet written
    bool ended = false;   // end of file was read
    bool closed = false;  // … and passed on
  };
  enum class Flow : uint8_t { kMoved, kBlocked, kEnded, kBroken };
  struct Step {
    Flow flow;
    size_t bytes = 0;
  };

  void on_timer() override;
  void side_ready(Side& side, uint32_t events);
  /// Does all that can be done now; may end the session.
  void advance();
  Flow shake_hands();
  /// Both directions and their ends; kBroken: the client is gone.
  Flow exchange();
  template <class Read, class Write>
  Flow pump(Direction& direction, const Side& source, Read read, Write write);
  void close_plain();
  void close_tls();

  Step read_tls(std::span<char> buffer);
  Step write_tls(std::string_view bytes);
  Step read_plain(std::span<char> buffer);
  Step write_plain(std::string_view bytes);
  /// What OpenSSL's last result means; kBlocked has noted what it waits for.
  Flow flow_of(int result);

  void update_interest();
  void log_failure(std::string_view reason) const;
  uint64_t limit_ms() const;
  void finish();

  hf::Loop& loop_;
  const std::string id_;
  Ended ended_;
  Side client_;
  Side plain_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  Direction in_;   // from the client to the gate
  Direction out_;  // from the gate to the client
  bool established_ = false;
  bool lingering_ = false;
  uint32_t tls_waits_for_ = 0;  // EPOLL* bits of the client's socket
  uint64_t since_ms_ = 0;       // from when limit_ms() counts
};

}  // namespace smtpgate
