// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/spf/spf_record.h"

#include <doctest/doctest.h>

using namespace smtpgate;
using Kind = SpfMechanism::Kind;

namespace {

SpfRecord parse(std::string_view text) {
  INFO(text);
  REQUIRE(is_spf_record(text));
  auto record = parse_spf_record(text);
  REQUIRE_MESSAGE(record, record.error().message);
  return std::move(*record);
}

/// The only mechanism of a record.
SpfMechanism term(const std::string& text) {
  SpfRecord record = parse("v=spf1 " + text);
  REQUIRE(record.mechanisms.size() == 1);
  return record.mechanisms[0];
}

std::string error_of(const std::string& terms) {
  const auto record = parse_spf_record("v=spf1 " + terms);
  return record ? "none" : record.error().message;
}

}  // namespace

TEST_CASE("the version says what an SPF record is") {
  for (const std::string text : {"v=spf1", "v=spf1 ", "V=SPF1 -all", "v=spf1 nonsense"})
    CHECK_MESSAGE(is_spf_record(text), text);
  for (const std::string text :
       {"", "v=spf", "v=spf10", "v=spf1-all", "v=spf1\t-all", " v=spf1", "spf1"})
    CHECK_MESSAGE(!is_spf_record(text), text);
}

TEST_CASE("mechanisms with their qualifiers, in order and in any case") {
  const SpfRecord record =
      parse("v=spf1   +A -mx ~PTR ?exists:%{i}.example  InClude:b.example -All ");
  REQUIRE(record.mechanisms.size() == 6);
  const std::pair<Kind, SpfResult> expected[] = {
      {Kind::kA, SpfResult::kPass},       {Kind::kMx, SpfResult::kFail},
      {Kind::kPtr, SpfResult::kSoftFail}, {Kind::kExists, SpfResult::kNeutral},
      {Kind::kInclude, SpfResult::kPass}, {Kind::kAll, SpfResult::kFail}};
  for (size_t i = 0; i < 6; ++i) {
    CHECK(record.mechanisms[i].kind == expected[i].first);
    CHECK(record.mechanisms[i].result == expected[i].second);
  }
  CHECK(record.mechanisms[3].domain == "%{i}.example");
  CHECK(record.mechanisms[4].domain == "b.example");
  CHECK(parse("v=spf1").mechanisms.empty());
}

TEST_CASE("a and mx take a domain and two prefix lengths, each of which may be left out") {
  const struct {
    const char* text;
    const char* domain;
    int v4, v6;
  } cases[] = {
      {"a", "", 32, 128},
      {"a/24", "", 24, 128},
      {"a//64", "", 32, 64},
      {"a/0//0", "", 0, 0},
      {"mx:m.example", "m.example", 32, 128},
      {"mx:m.example/32//128", "m.example", 32, 128},
      {"mx:m.example//48", "m.example", 32, 48},
      {"a:foo:bar/baz.example/8", "foo:bar/baz.example", 8, 128},
      {"a:%{d1/}/8", "%{d1/}", 8, 128},
  };
  for (const auto& expected : cases) {
    const SpfMechanism mechanism = term(expected.text);
    CHECK(mechanism.domain == expected.domain);
    CHECK(mechanism.v4_length == expected.v4);
    CHECK(mechanism.v6_length == expected.v6);
  }
}

TEST_CASE("networks, whose host bits do not matter") {
  CHECK(term("ip4:192.0.2.1").network->to_string() == "192.0.2.1/32");
  CHECK(term("ip4:192.0.2.1/24").network->to_string() == "192.0.2.0/24");
  CHECK(term("ip6:2001:db8::1/32").network->to_string() == "2001:db8::/32");
  CHECK(term("ip6:::/0").network->to_string() == "::/0");
  CHECK_FALSE(term("ip6:::ffff:192.0.2.1").network);
  CHECK_FALSE(term("ip6:::ffff:192.0.2.1/96").network);
}

TEST_CASE("modifiers stand anywhere, and unknown ones are nothing to us") {
  const SpfRecord record =
      parse("v=spf1 exp=why.%{d} Redirect=_spf.%{o} -all moo=cow.%{s} x-1_2.3=");
  CHECK(record.redirect == "_spf.%{o}");
  CHECK(record.mechanisms.size() == 1);
}

TEST_CASE("an error names the term and what is wrong with it") {
  CHECK(error_of("a:b.example allow -all") == "\"allow\": there is no such mechanism");
  CHECK(error_of("all:x.example") == "\"all:x.example\": what follows its name is not allowed");
  CHECK(error_of("all/8") == "\"all/8\": what follows its name is not allowed");
  CHECK(error_of("include") == "\"include\": it needs a colon and a value");
  CHECK(error_of("include:") == "\"include:\": a domain is missing");
  CHECK(error_of("ip4:192.0.2") == "\"ip4:192.0.2\": an IPv4 address is missing");
  CHECK(error_of("ip6:192.0.2.1") == "\"ip6:192.0.2.1\": an IPv6 address is missing");
  CHECK(error_of("ip4:192.0.2.1/33") ==
        "\"ip4:192.0.2.1/33\": the prefix length must be a number from 0 to 32");
  CHECK(error_of("a//129") == "\"a//129\": the prefix length must be a number from 0 to 128");
  CHECK(error_of("-redirect=x.example") ==
        "\"-redirect=x.example\": this is no name of a modifier");
  CHECK(error_of("redirect=a.example redirect=b.example") ==
        "\"redirect=b.example\": it may be given once only");
  CHECK(error_of("moo=%{d") == "\"moo=%{d\": \"%{d\": a % must begin one of %{letter} %% %_ %-");
}

TEST_CASE("what the grammar does not allow is an error") {
  for (const std::string bad : {"-",
                                "--all",
                                "all.",
                                "al l",
                                "=x",
                                "1a=x",
                                "\tall",
                                "-all\n",
                                "a:",
                                "a/",
                                "a//",
                                "a/08",
                                "a/33",
                                "a/8/64",
                                "a/8///64",
                                "a:example",
                                "a:x.1",
                                "mx/x",
                                "mx:b.example/",
                                "mx:b.example/24/",
                                "mx:b.example/4294967328",
                                "ptr:",
                                "ptr/24",
                                "ptr:b.example/24",
                                "exists",
                                "exists:",
                                "exists/24",
                                "exists:b",
                                "include/24",
                                "include:b.example/24",
                                "include:%{z}.b",
                                "ip4",
                                "ip4:",
                                "ip4/24",
                                "ip4:1.2.3.4/",
                                "ip4:1.2.3.4//32",
                                "ip4:1.2.3.4/032",
                                "ip4:1.2.3.4:25",
                                "ip4:01.2.3.4",
                                "ip4:::1",
                                "ip6",
                                "ip6:",
                                "ip6:::1/129",
                                "ip6:::1//64",
                                "ip6:::g",
                                "ip6:fe80::1%eth0",
                                "redirect=",
                                "redirect=b",
                                "redirect=b.example/24",
                                "exp=",
                                "exp=a.example exp=b.example",
                                "exp=%{c}.example",
                                "m\xc3\xb6=x",
                                "moo=\xff"})
    CHECK_MESSAGE(!parse_spf_record("v=spf1 " + bad), bad);
}

TEST_CASE("results have names") {
  CHECK(name_of(SpfResult::kSoftFail) == "softfail");
  CHECK(name_of(SpfResult::kPermError) == "permerror");
}
