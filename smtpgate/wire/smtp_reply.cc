// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/smtp_reply.h"

#include <algorithm>

#include <fmt/format.h>

namespace smtpgate {
namespace {

constexpr size_t kReplyLineLimit = 512;  // octets with CRLF, RFC 5321 §4.5.3.1.5

std::string line(std::string text) {
  text.resize(std::min(text.size(), kReplyLineLimit - 2));
  return text.append("\r\n");
}

}  // namespace

SmtpReply SmtpReply::softened() const {
  if (code / 100 != 5) return *this;
  SmtpReply soft = *this;
  soft.code = code == 550 || code == 554 ? 451 : code - 100;
  if (!soft.enhanced.empty()) soft.enhanced.front() = '4';
  return soft;
}

std::string SmtpReply::wire() const {
  return line(fmt::format("{} {}{}{}", code, enhanced, enhanced.empty() ? "" : " ", text));
}

std::string teaser_line(std::string_view banner_name) {
  return line(fmt::format("220-{} ESMTP", banner_name));
}

std::string greeting_line(std::string_view banner_name) {
  return line(fmt::format("220 {} ESMTP", banner_name));
}

}  // namespace smtpgate
