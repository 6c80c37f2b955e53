// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/first_bytes.h"

#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace std::string_view_literals;
using smtpgate::classify_first_bytes;
using smtpgate::FirstBytes;

TEST_CASE("each protocol is known by its first bytes") {
  struct {
    std::string_view bytes;
    FirstBytes kind;
  } const cases[] = {
      {"", FirstBytes::kNothing},
      {"EHLO a\r\n", FirstBytes::kSmtp},
      {"helo a\r\n", FirstBytes::kSmtp},
      {"QUIT\r\n", FirstBytes::kSmtp},
      {"STARTTLS\r\n", FirstBytes::kSmtp},
      {"RSET", FirstBytes::kSmtp},
      {"\x16\x03\x01\x02\0\x01"sv, FirstBytes::kTls},
      {"\x16", FirstBytes::kTls},
      {"\x16\x04", FirstBytes::kBinary},
      {"GET / HTTP/1.1\r\n", FirstBytes::kHttp},
      {"CONNECT mx:25 HTTP/1.0\r\n", FirstBytes::kHttp},
      {"PRI * HTTP/2.0\r\n", FirstBytes::kHttp},
      {"GETAWAY\r\n", FirstBytes::kText},
      {"SSH-2.0-OpenSSH_9.2\r\n", FirstBytes::kSsh},
      {"\x03\0\0\x13\x0e\xe0"sv, FirstBytes::kRdp},
      {"\x03", FirstBytes::kRdp},
      {"\x03\x01", FirstBytes::kBinary},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", FirstBytes::kProxy},
      {"\r\n\r\n\0\r\nQUIT\n\x21\x11"sv, FirstBytes::kProxy},
      {"\r\n\r\n", FirstBytes::kText},
      {"EHLOS\r\n", FirstBytes::kText},
      {"hello there\r\n", FirstBytes::kText},
      {"\x80\x2e\x01", FirstBytes::kBinary},
      {"caf\xc3\xa9\r\n", FirstBytes::kBinary},
      {"\0"sv, FirstBytes::kBinary},
  };
  for (const auto& c : cases) {
    CAPTURE(c.bytes);
    CHECK(name_of(classify_first_bytes(c.bytes)) == name_of(c.kind));
  }
}

TEST_CASE("a word that the bytes end within is guessed, mail first") {
  CHECK(classify_first_bytes("E") == FirstBytes::kSmtp);
  CHECK(classify_first_bytes("H") == FirstBytes::kSmtp);
  CHECK(classify_first_bytes("HEA") == FirstBytes::kHttp);
  CHECK(classify_first_bytes("G") == FirstBytes::kHttp);
  CHECK(classify_first_bytes("X") == FirstBytes::kSmtp);
  CHECK(classify_first_bytes("ZZ") == FirstBytes::kText);
}

TEST_CASE("only the first 64 bytes count") {
  CHECK(classify_first_bytes(std::string(64, 'z') + "\xff") == FirstBytes::kText);
  CHECK(classify_first_bytes(std::string(63, 'z') + "\xff") == FirstBytes::kBinary);
}

TEST_CASE("names are distinct") {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(FirstBytes::kBinary); ++i)
    CHECK(names.insert(name_of(static_cast<FirstBytes>(i))).second);
  CHECK(name_of(FirstBytes::kSmtp) == "smtp");
  CHECK(name_of(FirstBytes::kBinary) == "binary");
}
