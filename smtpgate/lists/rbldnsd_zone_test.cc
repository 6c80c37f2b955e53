// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/lists/rbldnsd_zone.h"

#include <doctest/doctest.h>

#include <fmt/format.h>

namespace smtpgate {
namespace {

using Format = RbldnsdZone::Format;

RbldnsdZone zone_of(std::string_view text, Format format = Format::kIp4Set) {
  auto zone = RbldnsdZone::parse(text, format, "zone");
  REQUIRE_MESSAGE(zone, zone.error().message);
  return std::move(*zone);
}

std::string error_of(std::string_view text, Format format = Format::kIp4Set) {
  const auto zone = RbldnsdZone::parse(text, format, "zone");
  REQUIRE_MESSAGE(!zone, text);
  return zone.error().message;
}

/// "answer answer|text", or "-" for what is not listed.
std::string shown(const std::optional<RbldnsdZone::Listing>& listing) {
  if (!listing) return "-";
  std::string out;
  for (const auto& answer : listing->answers) out += (out.empty() ? "" : " ") + answer.to_string();
  return out + "|" + listing->text;
}

std::string look_up(const RbldnsdZone& zone, std::string_view address) {
  return shown(zone.find(*hf::IpAddress::parse(address)));
}

std::string look_up_name(const RbldnsdZone& zone, std::string_view name) {
  return shown(zone.find_name(name));
}

bool is_listed(const RbldnsdZone& zone, std::string_view address) {
  return zone.find(*hf::IpAddress::parse(address)).has_value();
}

constexpr const char* kPlain = "127.0.0.2|";

}  // namespace

TEST_CASE("every way in which rbldnsd(8) writes a block") {
  for (const char* text : {"127.0.0.0/24", "127.0.0", "127-127.0.0", "127.0.0.0-127.0.0.255"}) {
    CAPTURE(text);
    const RbldnsdZone zone = zone_of(text);
    CHECK(zone.size() == 1);
    CHECK_FALSE(is_listed(zone, "126.255.255.255"));
    CHECK(is_listed(zone, "127.0.0.0"));
    CHECK(is_listed(zone, "127.0.0.255"));
    CHECK_FALSE(is_listed(zone, "127.0.1.0"));
  }
  for (const char* text : {"127.16.0.0-127.31.255.255", "127.16.0-127.31.255", "127.16-127.31",
                           "127.16-31", "127.16.0.0/12", "127.16.0/12", "127.16/12"}) {
    CAPTURE(text);
    const RbldnsdZone zone = zone_of(text);
    CHECK_FALSE(is_listed(zone, "127.15.255.255"));
    CHECK(is_listed(zone, "127.16.0.0"));
    CHECK(is_listed(zone, "127.31.255.255"));
    CHECK_FALSE(is_listed(zone, "127.32.0.0"));
  }
  const RbldnsdZone suffix = zone_of("127.0.0.1-254");
  CHECK_FALSE(is_listed(suffix, "127.0.0.0"));
  CHECK(is_listed(suffix, "127.0.0.1"));
  CHECK(is_listed(suffix, "127.0.0.254"));
  CHECK_FALSE(is_listed(suffix, "127.0.0.255"));
}

TEST_CASE("the whole of the address space, and its ends") {
  const RbldnsdZone all = zone_of("0.0.0.0-255.255.255.255");
  const RbldnsdZone trie = zone_of("0/0\n!10/8\n", Format::kIp4Trie);
  const RbldnsdZone ends = zone_of("0.0.0.0\n255.255.255.255\n");
  for (const char* address : {"0.0.0.0", "255.255.255.255"}) {
    CHECK(is_listed(all, address));
    CHECK(is_listed(trie, address));
    CHECK(is_listed(ends, address));
  }
  CHECK(is_listed(all, "128.0.0.0"));
  CHECK_FALSE(is_listed(trie, "10.9.8.7"));
  CHECK_FALSE(is_listed(ends, "0.0.0.1"));
  CHECK_FALSE(is_listed(ends, "255.255.255.254"));
  CHECK_FALSE(is_listed(all, "2001:db8::1"));
  CHECK_FALSE(is_listed(zone_of(""), "192.0.2.1"));
}

TEST_CASE("values: A, text, both, neither, and the defaults in force") {
  const RbldnsdZone zone = zone_of(
      "10.0.0.1\n"
      ":127.0.0.2:IP address $ is listed\n"
      "127.0.0.4\n"
      "127.0.0.5 :5\n"
      "127.0.0.6 :6:\n"
      "127.0.0.7 IP address $ running an open relay\n"
      "127.0.0.8:8:close:by\n"
      "127.0.0.9 :127.1.2.3:  blanks  \r\n"
      "127.0.0.10 # a comment :3:x\n"
      "127.0.0.11; another\n"
      "127.0.0.13 :7:# no comment\n"
      ":9\n"
      "127.0.0.14\n");
  CHECK(look_up(zone, "10.0.0.1") == kPlain);
  CHECK(look_up(zone, "127.0.0.4") == "127.0.0.2|IP address 127.0.0.4 is listed");
  CHECK(look_up(zone, "127.0.0.5") == "127.0.0.5|IP address 127.0.0.5 is listed");
  CHECK(look_up(zone, "127.0.0.6") == "127.0.0.6|");
  CHECK(look_up(zone, "127.0.0.7") == "127.0.0.2|IP address 127.0.0.7 running an open relay");
  CHECK(look_up(zone, "127.0.0.8") == "127.0.0.8|close:by");
  CHECK(look_up(zone, "127.0.0.9") == "127.1.2.3|blanks");
  CHECK(look_up(zone, "127.0.0.10") == "127.0.0.2|IP address 127.0.0.10 is listed");
  CHECK(look_up(zone, "127.0.0.11") == "127.0.0.2|IP address 127.0.0.11 is listed");
  CHECK(look_up(zone, "127.0.0.13") == "127.0.0.7|# no comment");
  CHECK(look_up(zone, "127.0.0.14") == "127.0.0.9|");  // nothing is left of the default before
}

TEST_CASE("substitution in texts, by the examples of rbldnsd(8)") {
  const RbldnsdZone variables = zone_of(
      "$1 See http://www.example.com/bl\n$2 for details\n$2 not this\n"
      "127.0.0.2  $1/spammer/$ $2\n127.0.0.3  $1/relay/$ $2\n"
      "127.0.0.4  This spammer wants some $$$$.  $1/$\n127.0.0.5 $9 and $x\n");
  CHECK(look_up(variables, "127.0.0.2") ==
        "127.0.0.2|See http://www.example.com/bl/spammer/127.0.0.2 for details");
  CHECK(look_up(variables, "127.0.0.3") ==
        "127.0.0.2|See http://www.example.com/bl/relay/127.0.0.3 for details");
  CHECK(look_up(variables, "127.0.0.4") ==
        "127.0.0.2|This spammer wants some $$.  See http://www.example.com/bl/127.0.0.4");
  CHECK(look_up(variables, "127.0.0.5") == "127.0.0.2|$9 and 127.0.0.5x");

  const RbldnsdZone base = zone_of(
      "$= See http://www.example.com/bl?$= ($) for details\n"
      "127.0.0.2    r123\n127.0.0.3\n127.0.0.4    =See other blocklists for details about $\n"
      "127.0.0.5 =\n");
  CHECK(look_up(base, "127.0.0.2") ==
        "127.0.0.2|See http://www.example.com/bl?r123 (127.0.0.2) for details");
  CHECK(look_up(base, "127.0.0.3") ==
        "127.0.0.2|See http://www.example.com/bl?127.0.0.3 (127.0.0.3) for details");
  CHECK(look_up(base, "127.0.0.4") == "127.0.0.2|See other blocklists for details about 127.0.0.4");
  CHECK(look_up(base, "127.0.0.5") == kPlain);
}

TEST_CASE("a text is never longer than a DNS string") {
  const std::string dollars(5000, '$'), line = "192.0.2.1 " + std::string(300, 'x') + "\n";
  CHECK(zone_of(line).find(*hf::IpAddress::parse("192.0.2.1"))->text.size() == 255);
  CHECK(zone_of("$1 " + std::string(200, 'y') + "\n192.0.2.1 $1$1$1\n")
            .find(*hf::IpAddress::parse("192.0.2.1"))
            ->text.size() == 255);
  CHECK(zone_of("192.0.2.1 " + dollars).find(*hf::IpAddress::parse("192.0.2.1"))->text ==
        dollars.substr(0, 255));
}

TEST_CASE("ip4set answers with all values of the finest octet level") {
  const RbldnsdZone zone = zone_of(
      "10.0.0.0/16 :16:wide\n10.0.0.0/24\n10.0.0.5 :5\n10.0.0.7 text\n10.0.0.7 :7:seven\n"
      "10.0.0.7 :7:again\n10.0.0.8/31 :8\n!10.0.0.9\n!10.0.1.0/25\n10.0.1.3 :3\n!10.0.2\n"
      "10.0.2.1 :21\n10.0.3.0-10.0.5.7 :3\n10.0.4.9 :9\n10.0.5 :5\n");
  CHECK(look_up(zone, "10.0.0.1") == kPlain);
  CHECK(look_up(zone, "10.0.0.5") == "127.0.0.5|");
  CHECK(look_up(zone, "10.0.0.7") == "127.0.0.2 127.0.0.7|text");
  CHECK(look_up(zone, "10.0.0.8") == "127.0.0.8|");
  CHECK(look_up(zone, "10.0.0.9") == "-");
  CHECK(look_up(zone, "10.0.1.3") == "-");  // a /25 is 128 addresses, at the level of 10.0.1.3
  CHECK(look_up(zone, "10.0.1.128") == "127.0.0.16|wide");
  CHECK(look_up(zone, "10.0.2.1") == "127.0.0.21|");  // finer than the exclusion
  CHECK(look_up(zone, "10.0.2.2") == "-");
  CHECK(look_up(zone, "10.0.4.1") == "127.0.0.3|");
  CHECK(look_up(zone, "10.0.4.9") == "127.0.0.9|");
  CHECK(look_up(zone, "10.0.5.3") == "127.0.0.3|");
  CHECK(look_up(zone, "10.0.5.8") == "127.0.0.5|");
  CHECK(look_up(zone, "10.0.6.0") == "127.0.0.16|wide");
  CHECK(look_up(zone, "10.1.0.0") == "-");
}

TEST_CASE("ip4trie answers with the longest match, and of equal blocks with the first line") {
  const RbldnsdZone zone = zone_of(
      "10.0.0.0/8:3:x\n!10.1.0.0/16\n10.1.2/24 :4\n10.1.2.0/24 :5\n!10.0.0.0/8\n"
      "!11/8\n11/8\n10.1.2.128/25 :6\n",
      Format::kIp4Trie);
  CHECK(look_up(zone, "10.2.0.1") == "127.0.0.3|x");
  CHECK(look_up(zone, "10.1.0.1") == "-");
  CHECK(look_up(zone, "10.1.2.1") == "127.0.0.4|");
  CHECK(look_up(zone, "10.1.2.129") == "127.0.0.6|");
  CHECK(look_up(zone, "10.1.3.0") == "-");
  CHECK(look_up(zone, "11.0.0.1") == "-");
}

TEST_CASE("an address keeps 32 values at most") {
  std::string text;
  for (int i = 1; i <= 100; ++i) text += fmt::format("192.0.2.1 :{}\n", i);
  CHECK(zone_of(text).find(*hf::IpAddress::parse("192.0.2.1"))->answers.size() == 32);
}

TEST_CASE("dnset: names, wildcards below a name, both, and exclusions") {
  const RbldnsdZone zone = zone_of(
      ":2:$\nexample.com\n*.Wild.com\n.both.com\n!no.both.com\n!.none.both.com.\n"
      "yes.none.both.com :5\n*.yes.none.both.com :6:$ w\nmany.org :7:a\nmany.org :8:b\n",
      Format::kDnset);
  CHECK(zone.size() == 9);
  CHECK(look_up_name(zone, "example.com") == "127.0.0.2|example.com");
  CHECK(look_up_name(zone, "EXAMPLE.com.") == "127.0.0.2|example.com");
  CHECK(look_up_name(zone, "x.example.com") == "-");
  CHECK(look_up_name(zone, "wild.com") == "-");
  CHECK(look_up_name(zone, "a.b.wild.com") == "127.0.0.2|wild.com");
  CHECK(look_up_name(zone, "both.com") == "127.0.0.2|both.com");
  CHECK(look_up_name(zone, "x.both.com") == "127.0.0.2|both.com");
  CHECK(look_up_name(zone, "no.both.com") == "-");
  CHECK(look_up_name(zone, "x.no.both.com") == "127.0.0.2|both.com");
  CHECK(look_up_name(zone, "none.both.com") == "-");
  CHECK(look_up_name(zone, "x.none.both.com") == "-");
  CHECK(look_up_name(zone, "yes.none.both.com") == "127.0.0.5|yes.none.both.com");
  CHECK(look_up_name(zone, "a.q.yes.none.both.com") == "127.0.0.6|yes.none.both.com w");
  CHECK(look_up_name(zone, "many.org") == "127.0.0.7 127.0.0.8|a");
  for (const char* name : {"", ".", "com", "..", "notexample.com"})
    CHECK(look_up_name(zone, name) == "-");
  CHECK_FALSE(is_listed(zone, "192.0.2.1"));
}

TEST_CASE("special lines, in all their disguises") {
  const RbldnsdZone zone = zone_of(
      "$SOA 0 ns.example. me.example. 0 1h 1h 1h 1h\n$NS 0 ns.example\n$TTL 35m\n"
      "$TIMESTAMP 2005:01:01\n#$1 one\n;$2 two\n:$3 three\n#$FOO is but a comment\n"
      "$MAXRANGE4 /24\n$MAXRANGE4 65536\n1.2/16\n!1.3/16\n1.3.3 $1 $2 $3\n1.4.0.0-1.4.1.0\n");
  CHECK(look_up(zone, "1.2.3.4") == "-");
  CHECK(look_up(zone, "1.3.3.3") == "127.0.0.2|one two three");
  CHECK(look_up(zone, "1.4.0.1") == "-");
  CHECK(zone.size() == 1);
  CHECK(is_listed(zone_of("1.2/16\n$MAXRANGE4 256\n1.3/16\n"), "1.2.0.0"));
}

TEST_CASE("an error names the file, the line and the remedy") {
  CHECK(error_of("1.2.3.4\n\n2.0.0.5/24\n") ==
        "zone:3: \"2.0.0.5/24\" has bits set beyond its length: did you mean 2.0.0.0/24?");
  CHECK(error_of("<html>") == "zone:1: \"<html>\" is not an IPv4 address or block");
  for (const char* text : {"12", "256.1.1.1", "1.2.3.4.5", "1.2.3.", ".1", "1..2", "1.2.3.4x",
                           "0001.2.3.4", "!", "!!1.2.3.4"})
    CHECK(error_of(text).ends_with("is not an IPv4 address or block"));
  for (const char* text : {"1.2.3.4/33", "1.2.3.4/", "/8", "0/0", "1.2.3/24-1.2.4"})
    CHECK(error_of(text).ends_with("is not a block such as 192.0.2.0/24 or 10/8"));
  CHECK(error_of("3.0.0.9-3.0.0.2") ==
        "zone:1: the range \"3.0.0.9-3.0.0.2\" ends before it begins");
  CHECK(error_of("3.0.0.9-") ==
        "zone:1: \"3.0.0.9-\" is not a range such as 192.0.2.0-192.0.2.9 or 10.1-2");
  CHECK(error_of("1.2.3.0-1.2.3.9", Format::kIp4Trie) ==
        "zone:1: \"1.2.3.0-1.2.3.9\": ip4trie takes no ranges; write CIDR blocks, or use ip4set");
  CHECK(error_of(":bad:text") ==
        "zone:1: \"bad\" is not an answer: write :127.0.0.4:text or :4:text");
  for (const char* text : {"1.2.3.4 :300:x", "1.2.3.4 :0:x", "1.2.3.4 :0.0.0.0:x", "1.2.3.4 :1.2:x",
                           "1.2.3.4 :3 # x", "1.2.3.4 ::x", "1.2.3.4:", "::1"})
    CHECK(error_of(text).ends_with("write :127.0.0.4:text or :4:text"));
  CHECK(error_of("$FOO bar") == "zone:1: $FOO is not known; a comment begins with #");
  CHECK(error_of("$MAXRANGE4 /0").starts_with("zone:1: \"/0\": $MAXRANGE4 takes a number"));
  CHECK(error_of("$DATASET ip4set:x @").starts_with("zone:1: $DATASET is not supported"));
  CHECK(error_of("\x1f\x8b\x08") == "zone: compressed; unpack it with gunzip");
  for (const std::string& name : {std::string("."), std::string("a..b"), std::string("..x"),
                                  std::string(64, 'x'), std::string("!")})
    CHECK(error_of(name, Format::kDnset).find("is not a domain name") != std::string::npos);
  const auto absent = RbldnsdZone::load("/nonexistent/zone", Format::kIp4Set);
  REQUIRE(!absent);
  CHECK(absent.error().message.starts_with("/nonexistent/zone"));
}

TEST_CASE("the format is told by its name, else by the file's") {
  CHECK(*RbldnsdZone::format_of("ip4trie", "x.dnset") == Format::kIp4Trie);
  CHECK(*RbldnsdZone::format_of("", "/srv/zen.ip4set") == Format::kIp4Set);
  CHECK(*RbldnsdZone::format_of("", "/srv/dnset") == Format::kDnset);
  CHECK(RbldnsdZone::format_of("", "/srv/zen.txt").error().message ==
        "/srv/zen.txt: its name does not tell the format; set format to ip4set, ip4trie or dnset");
  CHECK(RbldnsdZone::format_of("ip6trie", "/srv/zen").error().message ==
        "/srv/zen: format \"ip6trie\" is not known; use ip4set, ip4trie or dnset");
}

TEST_CASE("texts are stored once, addresses in 13 bytes, neighbours as one range") {
  std::string apart = ":2:" + std::string(200, 't') + "\n", together = apart;
  for (int i = 0; i < 50'000; ++i) {
    apart += fmt::format("10.{}.{}.1\n", i / 250, i % 250);
    together += fmt::format("10.0.{}.{}\n", i / 256, i % 256);
  }
  const RbldnsdZone scattered = zone_of(apart);
  CHECK(scattered.size() == 50'000);
  CHECK(scattered.memory_bytes() < 50'000 * 16);
  CHECK(zone_of(together).memory_bytes() < 1000);
}

}  // namespace smtpgate
