// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace smtpgate {

/// One SMTP reply (RFC 5321 §4.2) with its enhanced status code (RFC 3463). The class digit of
/// `enhanced` always equals the first digit of `code`.
struct SmtpReply {
  int code = 421;
  std::string enhanced;  // "5.7.1"; empty where RFC 2034 §4 has none (greetings)
  std::string text;      // printable ASCII, no line break

  /// The same refusal as a temporary one: 5xx becomes 4xx and 5.y.z becomes 4.y.z; 554 and 550
  /// become 451. A reply that is not 5xx is returned as it is.
  SmtpReply softened() const;
  /// "550 5.7.1 text\r\n", cut to the 512 octets of RFC 5321 §4.5.3.1.5.
  std::string wire() const;
};

/// "220-name ESMTP\r\n": the first half of a greeting, to which a final 220 line must follow.
std::string teaser_line(std::string_view banner_name);
/// "220 name ESMTP\r\n".
std::string greeting_line(std::string_view banner_name);

}  // namespace smtpgate
