// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/smtp_path.h"

#include <doctest/doctest.h>

using smtpgate::is_postmaster;
using smtpgate::parse_path;

TEST_CASE("addresses are read as real clients write them") {
  struct Row {
    const char* argument;
    const char* address;
  };
  for (const Row& row : {
           Row{"FROM:<a@example.com>", "a@example.com"},
           Row{"from:<a@example.com> SIZE=10 BODY=8BITMIME", "a@example.com"},
           Row{"FROM: <a@example.com>", "a@example.com"},
           Row{"FROM:a@example.com SIZE=10", "a@example.com"},
           Row{"FROM:<>", ""},
           Row{"FROM:<> SIZE=10", ""},
           Row{"FROM:<@relay.example,@b.example:a@example.com>", "a@example.com"},
           Row{"FROM:<\"a b>c\"@example.com>", "\"a b>c\"@example.com"},
           Row{"FROM:<\"a\\\"b\"@example.com>", "\"a\\\"b\"@example.com"},
           Row{"FROM:<p\xc3\xa4r@example.com> SMTPUTF8", "p\xc3\xa4r@example.com"},
           Row{"FROM:<a@[192.0.2.1]>", "a@[192.0.2.1]"},
           Row{"FROM:<a=b+c@example.com>", "a=b+c@example.com"},
       }) {
    CAPTURE(row.argument);
    const auto path = parse_path(row.argument, "FROM");
    REQUIRE(path.has_value());
    CHECK(*path == row.address);
  }
}

TEST_CASE("what is no path is refused with the reason") {
  for (const char* argument :
       {"", "FROM", "FROM:", "FROM:<", "FROM:<a@example.com", "TO:<a@example.com>",
        "FROM <a@example.com>", "FROM:<a@example.com>x", "FROM:<@relay.example>",
        "FROM:<a b@example.com>", "FROM:<a<b@example.com>", "FROM:<\"a@example.com>",
        "FROM:<a\x01@example.com>"}) {
    CAPTURE(argument);
    const auto path = parse_path(argument, "FROM");
    REQUIRE(!path.has_value());
    CHECK(!path.error().message.empty());
  }
}

TEST_CASE("postmaster is known with and without a domain, in any case") {
  CHECK(is_postmaster("postmaster"));
  CHECK(is_postmaster("PostMaster@example.com"));
  CHECK(!is_postmaster("postmaster2@example.com"));
  CHECK(!is_postmaster("a@postmaster.example"));
  CHECK(!is_postmaster(""));
}
