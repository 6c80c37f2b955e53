// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/smtp_reply.h"

#include <doctest/doctest.h>

using smtpgate::SmtpReply;

TEST_CASE("a reply on the wire has code, enhanced code and text") {
  CHECK(SmtpReply{550, "5.7.1", "Listed"}.wire() == "550 5.7.1 Listed\r\n");
  CHECK(SmtpReply{220, "", "mx.example ESMTP"}.wire() == "220 mx.example ESMTP\r\n");
}

TEST_CASE("a reply is cut to 512 octets and still ends its line") {
  const SmtpReply longest{550, "5.7.1", std::string(500, 'x')};  // 10 octets before, 2 after
  CHECK(longest.wire().size() == 512);
  const SmtpReply longer{550, "5.7.1", std::string(501, 'x')};
  CHECK(longer.wire() == longest.wire());
  CHECK(longer.wire().ends_with("x\r\n"));
}

TEST_CASE("softening makes every permanent refusal temporary, in both codes") {
  struct {
    int code;
    const char* enhanced;
    int soft_code;
    const char* soft_enhanced;
  } const cases[] = {
      {550, "5.7.1", 451, "4.7.1"}, {554, "5.7.1", 451, "4.7.1"}, {521, "5.3.2", 421, "4.3.2"},
      {553, "5.1.8", 453, "4.1.8"}, {554, "", 451, ""},
  };
  for (const auto& c : cases) {
    const SmtpReply soft = SmtpReply{c.code, c.enhanced, "why"}.softened();
    CHECK(soft.code == c.soft_code);
    CHECK(soft.enhanced == c.soft_enhanced);
    CHECK(soft.text == "why");
  }
}

TEST_CASE("softening leaves what is no permanent refusal as it is") {
  for (const int code : {220, 250, 421, 450}) {
    const SmtpReply reply{code, "4.7.0", "text"};
    CHECK(reply.softened().wire() == reply.wire());
  }
}

TEST_CASE("the teaser goes on, the greeting ends, and both fit a line") {
  CHECK(smtpgate::teaser_line("mx.example") == "220-mx.example ESMTP\r\n");
  CHECK(smtpgate::greeting_line("mx.example") == "220 mx.example ESMTP\r\n");
  CHECK(smtpgate::teaser_line(std::string(1000, 'x')).size() == 512);
}
