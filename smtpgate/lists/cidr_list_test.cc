// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/lists/cidr_list.h"

#include <doctest/doctest.h>

namespace smtpgate {
namespace {

constexpr int64_t kNow = 1'795'000'000;

CidrList list_of(std::string_view text) {
  auto list = CidrList::parse(text, "allow");
  REQUIRE_MESSAGE(list, list.error().message);
  return std::move(*list);
}

std::string error_of(std::string_view text) {
  const auto list = CidrList::parse(text, "allow");
  REQUIRE(!list);
  return list.error().message;
}

/// The note of the entry that decides, "" if none.
std::string note(const CidrList& list, std::string_view address, int64_t now = kNow) {
  const auto* entry = list.find(*hf::IpAddress::parse(address), now);
  return entry ? entry->note : "";
}

}  // namespace

TEST_CASE("blank lines, comments, line ends of both kinds, and no line end at all") {
  const CidrList list =
      list_of("\n# a comment\r\n  192.0.2.1 # one # two \r\n\t\n2001:db8::/32#v6");
  REQUIRE(list.size() == 2);
  CHECK(list.entries()[0].prefix.to_string() == hf::IpPrefix::parse("192.0.2.1")->to_string());
  CHECK(list.entries()[0].note == "one # two");
  CHECK(list.entries()[1].note == "v6");
  CHECK(list_of("").size() == 0);
}

TEST_CASE("the longest match decides, in each family for itself") {
  const CidrList list = list_of(
      "0.0.0.0/0 # all4\n10.0.0.0/8 # eight\n10.1.0.0/16 # sixteen\n10.1.2.3 # host\n"
      "2001:db8::/32 # net\n2001:db8:0:1::/64 # lan\n2001:db8:0:1::5 # box\n");
  CHECK(note(list, "10.1.2.3") == "host");
  CHECK(note(list, "10.1.2.4") == "sixteen");
  CHECK(note(list, "10.2.0.0") == "eight");
  CHECK(note(list, "11.0.0.0") == "all4");
  CHECK(note(list, "2001:db8:0:1::5") == "box");
  CHECK(note(list, "2001:db8:0:1::6") == "lan");
  CHECK(note(list, "2001:db8:ffff::") == "net");
  CHECK(note(list, "2001:db9::") == "");  // 0.0.0.0/0 is about IPv4
  CHECK(note(list_of("::/0 # all6"), "192.0.2.1") == "");
}

TEST_CASE("an entry counts up to its moment, and then a wider one does") {
  const CidrList list = list_of(
      "192.0.2.0/24 # wide\n192.0.2.7 until=2026-12-01T00:00:00Z # narrow\n"
      "198.51.100.1 until=2026-12-01T00:00:00Z # alone\n");
  const int64_t until = list.entries()[1].until;
  CHECK(until == 1'796'083'200);
  CHECK(note(list, "192.0.2.7", until) == "narrow");
  CHECK(note(list, "192.0.2.7", until + 1) == "wide");
  CHECK(note(list, "198.51.100.1", until) == "alone");
  CHECK(list.find(*hf::IpAddress::parse("198.51.100.1"), until + 1) == nullptr);
}

TEST_CASE("of two lines about one block the later counts") {
  const CidrList list =
      list_of("192.0.2.7 until=2020-01-01T00:00:00Z # old\n203.0.113.0/24\n192.0.2.7 # new\n");
  CHECK(list.size() == 2);
  CHECK(note(list, "192.0.2.7") == "new");
}

TEST_CASE("an error names the file, the line and what to write") {
  CHECK(
      error_of("192.0.2.1\n\n192.0.2.300\n").starts_with("allow:3: \"192.0.2.300\" is not an IP"));
  CHECK(error_of("192.0.2.1/24").starts_with("allow:1: \"192.0.2.1/24\" has bits set"));
  CHECK(error_of("10.0.0.0/33").starts_with("allow:1: "));
  CHECK(error_of("# x\n192.0.2.1 until=tomorrow") ==
        "allow:2: \"until=tomorrow\" is not understood: after the block may come "
        "until=2026-12-01T00:00:00Z and then a # comment");
  CHECK(error_of("192.0.2.1 until=1970-01-01T00:00:00Z").starts_with("allow:1: \"until="));
  CHECK(error_of("192.0.2.1 REJECT").starts_with("allow:1: \"REJECT\" is not understood"));
  const auto absent = CidrList::load("/nonexistent/allow");
  REQUIRE(!absent);
  CHECK(absent.error().message.starts_with("/nonexistent/allow"));
}

TEST_CASE("what format() writes is read back as the same, and is one line") {
  for (const char* line : {"192.0.2.0/24", "2001:db8::/32  # note", "192.0.2.0/24  # a # b",
                           "192.0.2.0/24  until=2026-12-01T00:00:00Z  # note"}) {
    const CidrList list = list_of(line);
    CHECK(CidrList::format(list.entries()[0]) == line);
  }
  CidrList::Entry entry{*hf::IpPrefix::parse("192.0.2.0/24"), 0, "by hand\n0.0.0.0/0\r"};
  CHECK(CidrList::format(entry) == "192.0.2.0/24  # by hand 0.0.0.0/0 ");
}

}  // namespace smtpgate
