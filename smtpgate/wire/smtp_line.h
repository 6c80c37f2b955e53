// SPDX-License-Identifier: Apache-2.0
//
// The two sides of an SMTP dialogue, read from bytes as they come: a client's commands and a
// server's replies (RFC 5321 §4.1, §4.2). Neither grows without bound.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/core/result.h"

namespace smtpgate {

/// A line of a client. NUL and bytes over 127 stay as they are.
struct SmtpLine {
  std::string raw;        // as it came, without its line end
  std::string verb;       // up to the first blank, in upper case: "EHLO", "MAIL"
  std::string argument;   // the rest without the blanks around it: "FROM:<a@example>"
  bool bare_lf = false;   // it ended in LF alone: not to be obeyed, only to be answered
  bool too_long = false;  // over 512 octets with CRLF
  bool cut = false;       // over 2048 octets, of which the rest is lost
};

class SmtpLineReader {
 public:
  /// Takes bytes off the front of `bytes`, to the end of a line if there is one. nullopt: all are
  /// taken, and the line goes on.
  std::optional<SmtpLine> next(std::string_view& bytes);

 private:
  std::string kept_;   // the line so far, up to the memory limit, without its LF
  size_t length_ = 0;  // of the line so far
  bool ends_in_cr_ = false;
};

/// Reads one reply of a server, of one or more lines that all have the same code.
class SmtpReplyReader {
 public:
  /// Takes bytes up to the end of the reply and returns how many that were; none when complete.
  /// An error, after which nothing more is to be fed: this is no SMTP reply, or one over 64 KiB.
  hf::Result<size_t> feed(std::string_view bytes);

  bool complete() const { return complete_; }
  /// These three only when complete.
  int code() const { return code_; }
  /// Of the last line, without the code.
  std::string_view text() const { return std::string_view(raw_).substr(text_at_, text_size_); }
  /// The bytes of the whole reply as they came.
  const std::string& raw() const { return raw_; }

 private:
  hf::Result<void> end_line();

  std::string raw_;
  size_t line_at_ = 0;  // where in raw_ the line under way begins
  size_t text_at_ = 0, text_size_ = 0;
  int code_ = 0;
  bool complete_ = false;
};

}  // namespace smtpgate
