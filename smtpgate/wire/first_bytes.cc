// SPDX-License-Identifier: Apache-2.0
//
// Guessing a protocol from the first bytes of a client that should have waited.
//
// Binary protocols are known by their magic. Text protocols are known by their first word, which
// has to be whole unless the bytes end within it; then any word that begins so will do, SMTP's
// before HTTP's, since this is a mail port ("H" is taken for HELO, not for HEAD).
#include "smtpgate/wire/first_bytes.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/core/text.h"

namespace smtpgate {
namespace {

using namespace std::string_view_literals;

constexpr size_t kLookAt = 64;
constexpr std::string_view kProxyV2Start = "\r\n\r\n\0"sv;  // CRLF alone may be typed by a person

constexpr std::array kSmtpVerbs = {
    "EHLO"sv, "HELO"sv, "LHLO"sv, "MAIL"sv, "RCPT"sv, "DATA"sv, "BDAT"sv,     "RSET"sv,
    "NOOP"sv, "QUIT"sv, "HELP"sv, "VRFY"sv, "EXPN"sv, "ETRN"sv, "STARTTLS"sv, "AUTH"sv,
    "TURN"sv, "ATRN"sv, "BURL"sv, "SEND"sv, "SOML"sv, "SAML"sv, "XCLIENT"sv,  "XFORWARD"sv};
constexpr std::array kHttpMethods = {"GET"sv,    "POST"sv,    "HEAD"sv,    "PUT"sv,
                                     "DELETE"sv, "OPTIONS"sv, "TRACE"sv,   "CONNECT"sv,
                                     "PATCH"sv,  "PRI"sv,     "PROPFIND"sv};

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool is_text(char c) {
  return (c >= ' ' && c <= '~') || c == '\r' || c == '\n' || c == '\t';
}

/// Whether the first word of `bytes` is one of `words`.
bool begins_with_word(std::string_view bytes, std::span<const std::string_view> words) {
  const auto end = std::find_if_not(bytes.begin(), bytes.end(), is_letter);
  const std::string_view word(bytes.begin(), end);
  const bool cut = end == bytes.end();
  return !word.empty() && std::any_of(words.begin(), words.end(), [&](std::string_view candidate) {
    return cut ? hf::starts_with_ignoring_case(candidate, word)
               : hf::equals_ignoring_case(candidate, word);
  });
}

}  // namespace

FirstBytes classify_first_bytes(std::string_view bytes) {
  bytes = bytes.substr(0, kLookAt);
  if (bytes.empty()) return FirstBytes::kNothing;
  if ("\x16\x03"sv.starts_with(bytes.substr(0, 2))) return FirstBytes::kTls;
  if ("\x03\0"sv.starts_with(bytes.substr(0, 2))) return FirstBytes::kRdp;
  if (bytes.starts_with(kProxyV2Start) || bytes.starts_with("PROXY ")) return FirstBytes::kProxy;
  if (bytes.starts_with("SSH-")) return FirstBytes::kSsh;
  if (begins_with_word(bytes, kSmtpVerbs)) return FirstBytes::kSmtp;
  if (begins_with_word(bytes, kHttpMethods)) return FirstBytes::kHttp;
  return std::all_of(bytes.begin(), bytes.end(), is_text) ? FirstBytes::kText : FirstBytes::kBinary;
}

std::string_view name_of(FirstBytes kind) {
  constexpr std::array kNames = {"nothing"sv, "smtp"sv,  "tls"sv,  "http"sv,  "ssh"sv,
                                 "rdp"sv,     "proxy"sv, "text"sv, "binary"sv};
  return kNames[static_cast<size_t>(kind)];
}

}  // namespace smtpgate
