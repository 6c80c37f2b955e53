// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/grey/record.h"

#include <string_view>

#include <doctest/doctest.h>

#include "base/core/result.h"
#include "smtpgate/grey/test_grey.h"

using namespace smtpgate;

TEST_CASE("a record on disk, to the byte") {
  const GreyRecord record{.first = 0x04030201,
                          .last = 0x08070605,
                          .passed = 0x0c0b0a09,
                          .tries = 0x0e0d,
                          .kind = GreyScopeKind::kPtr,
                          .client = 0x1716151413121110};
  constexpr char kBytes[] =
      "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x01"
      "\x10\x11\x12\x13\x14\x15\x16\x17";
  const std::string_view expected(kBytes, kGreyRecordBytes);
  const auto bytes = encode(record);
  CHECK(std::string_view(bytes.data(), bytes.size()) == expected);
  CHECK(decode_grey_record(expected) == record);
  CHECK_FALSE(decode_grey_record(expected.substr(1)));
  std::string foreign(expected);
  foreign[14] = 3;
  CHECK_FALSE(decode_grey_record(foreign));
}

TEST_CASE("ids differ by key and by what they are of, and keep apart what is side by side") {
  const GreyFolder one, other;
  const auto key = GreyKey::read_or_make(one.path + "/key");
  REQUIRE(key);
  const auto again = GreyKey::read_or_make(one.path + "/key");
  const auto another = GreyKey::read_or_make(other.path + "/key");
  REQUIRE(again);
  REQUIRE(another);
  CHECK(key->scope_id("net:x") == again->scope_id("net:x"));
  CHECK(key->scope_id("net:x") != another->scope_id("net:x"));
  CHECK(key->mail_id("ab", "c") != key->mail_id("a", "bc"));
  CHECK(key->mail_id("1", "2") != key->mail_id("", "12"));
  CHECK(key->client_id(ip("192.0.2.1")) != key->client_id(ip("192.0.2.2")));
  const GreyId scope = key->scope_id("net:x"), mail = key->mail_id("a", "b");
  const GreyId tried = try_id(mail, scope);
  CHECK(short_id(tried) == short_id(mail));
  CHECK(tried != try_id(mail, key->scope_id("net:y")));
  CHECK(tried != try_id(key->mail_id("a", "c"), scope));
}
