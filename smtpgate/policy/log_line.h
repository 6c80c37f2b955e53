// SPDX-License-Identifier: Apache-2.0
//
// The one log line of a connection: key=value pairs in a fixed order, written at its end and read
// back by `replay-log`. Values hold no blanks; what came from outside is printable() first.
//
//   conn v=1 t=2026-11-21T08:00:00Z id=… client=192.0.2.1:4711 server=198.51.100.1:25
//   verdict=refuse reason=listed mode=enforce score=8 pregreet=silent:2003 rdns=confirmed:mx.example
//   lists=zen.example:127.0.0.2,127.0.0.4;local.example:-;slow.example:? limit=- access=-
//   known=0 backend=- code=550 in=0 out=0 ms=2011
//
// and of a client that was asked who it is, also
//
//   helo=mx.example from=<a@example> rcpt=<b@example.org> spf=pass:example grey=new tls=-
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/net/ip.h"
#include "smtpgate/policy/facts.h"
#include "smtpgate/policy/verdict.h"

namespace smtpgate {

/// A connection as the log tells it. Lists are by name, since the file outlives a configuration.
struct LogLine {
  int64_t time = 0;  // unix seconds of the connection's start
  std::string id;
  hf::Endpoint client, server;
  Action action = Action::kWait;
  Reason reason = Reason::kUndecided;
  bool enforced = true;   // false: observe mode, nobody was refused
  int score = 0;
  bool partial = false, soft = false, doubtful = false;
  Facts facts;            // facts.lists is parallel to list_names
  std::vector<std::string> list_names;
  std::string backend;    // which hand-off was used; empty: none
  int code = 0;           // SMTP code of the refusal given; 0: none
  uint64_t bytes_in = 0, bytes_out = 0;  // relayed from and to the client
  uint32_t duration_ms = 0;
  /// Of a doubtful client that was asked; all empty of others.
  struct Dialogue {
    std::string helo, sender, recipient;
    std::string spf;   // "pass:example.org"
    std::string grey;  // "new", "early:12", "pass:75" with the seconds waited, "known"
    std::string tls;   // "TLSv1.3"
  } dialogue;
};

/// Appends the line, without line end, to `out`.
void format_log_line(const LogLine& line, std::string& out);
/// Reads a line that may have a prefix (a time stamp, a host, a program name) before "conn v=1".
/// nullopt: not a connection line. Unknown keys are passed over.
std::optional<LogLine> parse_log_line(std::string_view text);

}  // namespace smtpgate
