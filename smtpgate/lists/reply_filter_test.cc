// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/lists/reply_filter.h"

#include <doctest/doctest.h>

namespace smtpgate {
namespace {

hf::IpAddress ip(std::string_view text) {
  return *hf::IpAddress::parse(text);
}

ListRule rule_of(std::string_view text) {
  auto rule = parse_list_rule(text);
  REQUIRE_MESSAGE(rule, text);
  return std::move(*rule);
}

std::string error_of(std::string_view text) {
  const auto rule = parse_list_rule(text);
  REQUIRE_MESSAGE(!rule, text);
  return rule.error().message;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("the examples of postconf(5) mean what they mean to postscreen") {
  const ListRule weighted = rule_of("example.com*2");
  CHECK(weighted.zone == "example.com");
  CHECK(weighted.weight == 2);
  CHECK(weighted.filter_text.empty());

  const ListRule plain = rule_of("example.net");
  CHECK(plain.zone == "example.net");
  CHECK(plain.weight == 1);
  CHECK(plain.filter.matches(ip("127.0.0.2")));
  CHECK(plain.filter.matches(ip("127.255.0.1")));
  CHECK_FALSE(plain.filter.matches(ip("126.0.0.2")));

  const ListRule filtered = rule_of("example.com=127.0.0.4");
  CHECK(filtered.zone == "example.com");
  CHECK(filtered.weight == 1);
  CHECK(filtered.filter_text == "127.0.0.4");
  CHECK(filtered.filter.matches(ip("127.0.0.4")));
  CHECK_FALSE(filtered.filter.matches(ip("127.0.0.5")));
  CHECK_FALSE(filtered.filter.matches(ip("127.0.1.4")));
}

TEST_CASE("patterns, weights and names as they are found in the field") {
  const ListRule allow = rule_of("list.dnswl.org=127.0.[0..255].[2;3]*-4");
  CHECK(allow.weight == -4);
  CHECK(allow.filter.matches(ip("127.0.255.3")));
  CHECK(allow.filter.matches(ip("127.0.0.2")));
  CHECK_FALSE(allow.filter.matches(ip("127.0.5.1")));
  CHECK_FALSE(allow.filter.matches(ip("127.1.5.2")));

  const ListRule ranges = rule_of(" Zen.Spamhaus.ORG.=127.0.0.[2;4;10..11]*+3 ");
  CHECK(ranges.zone == "zen.spamhaus.org");
  CHECK(ranges.weight == 3);
  CHECK(ranges.filter.matches(ip("127.0.0.10")));
  CHECK(ranges.filter.matches(ip("127.0.0.11")));
  CHECK_FALSE(ranges.filter.matches(ip("127.0.0.3")));
  CHECK_FALSE(ranges.filter.matches(ip("127.0.0.12")));

  CHECK(rule_of("key_1.a.dq.example").zone == "key_1.a.dq.example");
  CHECK_FALSE(rule_of("example.com=[0..255].[0..255].[0..255].[0..255]")
                  .filter.matches(ip("2001:db8::7f00:2")));
}

TEST_CASE("what is malformed is refused with the place and the remedy") {
  CHECK(has(error_of("example.com*"), "a whole number such as 2 or -4"));
  for (const char* text :
       {"a.b*x", "a.b*1.5", "a.b*+-1", "a.b*1000001", "a.b*2*", "a.b*2=127.0.0.1"})
    CHECK(has(error_of(text), "after * comes a weight"));

  CHECK(has(error_of("a.b=127.0.0"), "needs four fields such as 127.0.0.[2..11]"));
  for (const char* text : {"a.b=", "a.b=127.0.0.1.2", "a.b=127.0.[0..1;2.3"})
    CHECK(has(error_of(text), "needs four fields"));
  CHECK(has(error_of("a.b=127.0.0.[2"), "\"[2\" lacks its ]"));
  CHECK(has(error_of("a.b=127.0.0.[2]3"), "lacks its ]"));
  CHECK(has(error_of("a.b=127.0.0.[9..2]"), "the range \"9..2\" runs backwards"));
  CHECK(has(error_of("a.b=127.0.0.256"), "\"256\" is not a number from 0 to 255"));
  for (const char* text : {"a.b=127.0.0.[]", "a.b=127.0.0.[2;]", "a.b=127.0.0.[2-5]",
                           "a.b=127.0.0.[2..]", "a.b=127.0.0.[..2]", "a.b=127.0.0.[2..3..4]",
                           "a.b=127.0.0.-1", "a.b=127.0.0.2;3", "a.b=127..0.1",
                           "a.b=127.0.0.2 "
                           "*3"})
    CHECK(has(error_of(text), "is not a number from 0 to 255"));

  for (const std::string& text : {std::string(), std::string("*2"), std::string("=127.0.0.2"),
                                  std::string("a..b"), std::string(".a"), std::string("a b"),
                                  std::string("http://a"), std::string(64, 'x') + ".org"})
    CHECK(has(error_of(text), "zone=filter*weight"));
}

TEST_CASE("a zone leaves room for the reversed IPv6 address before it") {
  std::string zone = "z";
  while (zone.size() < 189) zone += ".z";
  CHECK(rule_of(zone).zone.size() == 189);
  CHECK(has(error_of(zone + "z"), "at most 189 characters"));
}

TEST_CASE("answers are told apart before any filter") {
  CHECK(classify_list_answer(ip("127.0.0.2")) == ListCode::kListed);
  CHECK(classify_list_answer(ip("127.255.254.255")) == ListCode::kListed);
  CHECK(classify_list_answer(ip("127.0.0.1")) == ListCode::kNotListing);
  CHECK(classify_list_answer(ip("128.0.0.2")) == ListCode::kNotListing);
  CHECK(classify_list_answer(ip("192.0.2.7")) == ListCode::kNotListing);
  CHECK(classify_list_answer(ip("::1")) == ListCode::kNotListing);
  CHECK(classify_list_answer(ip("127.255.255.0")) == ListCode::kListError);
  CHECK(classify_list_answer(ip("127.255.255.254")) == ListCode::kListError);
}

}  // namespace smtpgate
