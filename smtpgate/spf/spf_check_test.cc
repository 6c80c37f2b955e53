// SPDX-License-Identifier: Apache-2.0
//
// check_host() area by area. A case is one record, which stands at t.example, and what it means for
// one client; the other records of an area are its zone.
#include "smtpgate/spf/spf_check.h"

#include <initializer_list>
#include <optional>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "smtpgate/spf/fake_dns.h"

using namespace smtpgate;
using enum SpfResult;

namespace {

struct Query {
  std::string client = "192.0.2.1";
  std::string helo = "mail.t.example";
  std::string mail_from = "bob@t.example";
};

SpfOutcome check(FakeDns& dns, const Query& query) {
  std::optional<SpfOutcome> outcome;
  int calls = 0;
  SpfCheck spf(dns, *hf::IpAddress::parse(query.client), query.helo, query.mail_from,
               [&](SpfOutcome told) {
                 outcome = std::move(told);
                 ++calls;
               });
  spf.start();
  CHECK(calls == 0);
  dns.answer_all();
  REQUIRE(calls == 1);
  return *outcome;
}

struct Case {
  const char* record;
  SpfResult expected;
  const char* client = "192.0.2.1";
};

void check_all(const char* zone, std::initializer_list<Case> cases) {
  for (const Case& one : cases) {
    FakeDns dns(zone);
    dns.add("t.example", "TXT", one.record);
    const SpfResult result = check(dns, {one.client}).result;
    CHECK_MESSAGE(result == one.expected,
                  fmt::format("{} for {}: {} instead of {}", one.record, one.client,
                              name_of(result), name_of(one.expected)));
  }
}

}  // namespace

TEST_CASE("whose domain is checked") {
  const std::string long_label(64, 'a');
  const struct {
    const char* helo;
    std::string mail_from;
    SpfResult expected;
    const char* domain;
  } cases[] = {
      {"mail.example", "bob@T.Example", kPass, "t.example"},
      {"mail.example", "bob@t.example.", kPass, "t.example"},
      {"mail.example", "@t.example", kPass, "t.example"},
      {"mail.example", "t.example", kPass, "t.example"},
      {"mail.example", "\"a@b\"@t.example", kPass, "t.example"},
      {"T.example", "", kPass, "t.example"},
      {"none.example", "", kNone, "none.example"},
      {"localhost", "", kNone, "localhost"},
      {"", "", kNone, ""},
      {"[192.0.2.1]", "", kNone, "[192.0.2.1]"},
      {"t.example", "bob@", kNone, ""},
      {"t.example", "bob@localhost", kNone, "localhost"},
      {"t.example", "bob@t..example", kNone, "t..example"},
      {"t.example", "bob@.t.example", kNone, ".t.example"},
      {"t.example", "bob@caf\xc3\xa9.example", kNone, "caf\xc3\xa9.example"},
  };
  for (const auto& one : cases) {
    FakeDns dns("t.example TXT v=spf1 +all");
    const SpfOutcome outcome = check(dns, {"192.0.2.1", one.helo, one.mail_from});
    CHECK_MESSAGE(outcome.result == one.expected, one.mail_from);
    CHECK(outcome.domain == one.domain);
  }
  FakeDns dns(long_label + ".example TXT v=spf1 +all");
  CHECK(check(dns, {"192.0.2.1", "t.example", "bob@" + long_label + ".example"}).result == kNone);
}

TEST_CASE("looking the record up") {
  FakeDns dns(
      "slow.example TXT !\n"
      "host.example A 192.0.2.1\n"
      "t.example TXT v=spf1 -all");
  CHECK(check(dns, {.mail_from = "a@slow.example"}).result == kTempError);
  CHECK(check(dns, {.mail_from = "a@host.example"}).result == kNone);
  CHECK(check(dns, {.mail_from = "a@gone.example"}).result == kNone);
  // There is no looking further up.
  CHECK(check(dns, {.mail_from = "a@sub.t.example"}).result == kNone);
}

TEST_CASE("selecting the record") {
  const struct {
    std::initializer_list<const char*> texts;
    SpfResult expected;
  } cases[] = {
      {{"v=spf1 +all"}, kPass},
      {{"v=spf1"}, kNeutral},
      {{"V=sPf1 -all"}, kFail},
      {{"v=spf10 -all"}, kNone},
      {{"v=spf1-all"}, kNone},
      {{" v=spf1 -all"}, kNone},
      {{"v=spf2.0/pra -all"}, kNone},
      {{"hello", "v=spf1 -all", "v=spf10"}, kFail},
      {{"v=spf1 -all", "v=spf1 +all"}, kPermError},
      {{"v=spf1 -all", "v=spf1 -all"}, kPermError},
      {{"v=spf1", "V=SPF1 nonsense"}, kPermError},
      {{"caf\xc3\xa9", "v=spf1 ~all"}, kSoftFail},
  };
  for (const auto& one : cases) {
    FakeDns dns;
    for (const char* text : one.texts) dns.add("t.example", "TXT", text);
    CHECK_MESSAGE(check(dns, {}).result == one.expected, std::string(*one.texts.begin()));
  }
}

TEST_CASE("evaluating the record") {
  check_all("b.example A 192.0.2.1\n",
            {
                {"v=spf1 a:b.example -all", kPass},
                {"v=spf1 -A:b.example +all", kFail},
                {"v=spf1 ?a:b.example -all", kNeutral},
                {"v=spf1 ~a:b.example -all", kSoftFail},
                {"v=spf1 a:gone.example", kNeutral},
                {"v=spf1  a:b.example   -all ", kPass},
                // All of the record has to be right, even behind what matches.
                {"v=spf1 a:b.example allow", kPermError},
                {"v=spf1 +all -all: ", kPermError},
                {"v=spf1 +all moo=%{x}", kPermError},
                {"v=spf1 +all\t-all", kPermError},
                {"v=spf1 a:b.example caf\xc3\xa9", kPermError},
                {"v=spf1 unknown:b.example -all", kPermError},
                {"v=spf1 moo=unknown -all", kFail},
                // A name that cannot be is a name that is not there.
                {"v=spf1 a:b..example -all", kFail},
            });
}

TEST_CASE("all") {
  check_all("", {
                    {"v=spf1 all", kPass},
                    {"v=spf1 ?All", kNeutral},
                    {"v=spf1 ~all", kSoftFail},
                    {"v=spf1 -all ip4:192.0.2.1", kFail},
                    {"v=spf1 -all redirect=gone.example", kFail},
                    {"v=spf1 -all.", kPermError},
                    {"v=spf1 -all:t.example", kPermError},
                    {"v=spf1 -all/8", kPermError},
                    {"v=spf1 -all=x", kPermError},
                    {"v=spf1 --all", kPermError},
                });
}

TEST_CASE("ip4") {
  check_all("", {
                    {"v=spf1 ip4:192.0.2.1 -all", kPass},
                    {"v=spf1 ip4:192.0.2.2 -all", kFail},
                    {"v=spf1 ip4:192.0.2.200/24 -all", kPass},
                    {"v=spf1 ip4:192.0.3.0/24 -all", kFail},
                    {"v=spf1 ip4:198.51.100.1/0 -all", kPass},
                    {"v=spf1 ip4:192.0.2.1/32 -all", kPass},
                    {"v=spf1 ip4:0.0.0.0/0 -all", kFail, "2001:db8::1"},
                    {"v=spf1 ip4:192.0.2.1 -all", kPass, "::ffff:192.0.2.1"},
                    {"v=spf1 -ip4:192.0.2.1 +all", kFail},
                    {"v=spf1 ip4:192.0.2.1/33 -all", kPermError},
                    {"v=spf1 ip4:192.0.2.1/032 -all", kPermError},
                    {"v=spf1 ip4:192.0.2.1//32 -all", kPermError},
                    {"v=spf1 ip4:192.0.2.1/ -all", kPermError},
                    {"v=spf1 ip4:192.0.2.1:25 -all", kPermError},
                    {"v=spf1 ip4:192.0.2 -all", kPermError},
                    {"v=spf1 ip4 -all", kPermError},
                    {"v=spf1 ip4: -all", kPermError},
                    {"v=spf1 ip4:2001:db8::1 -all", kPermError},
                });
}

TEST_CASE("ip6") {
  check_all("", {
                    {"v=spf1 ip6:2001:db8::1 -all", kPass, "2001:db8::1"},
                    {"v=spf1 ip6:2001:DB8:0::1 -all", kPass, "2001:db8::1"},
                    {"v=spf1 ip6:2001:db8::/32 -all", kPass, "2001:db8:ffff::1"},
                    {"v=spf1 ip6:2001:db8::/33 -all", kFail, "2001:db8:8000::1"},
                    {"v=spf1 ip6:::/0 -all", kPass, "2001:db8::1"},
                    {"v=spf1 ip6:::/0 -all", kFail, "192.0.2.1"},
                    {"v=spf1 ip6:::ffff:192.0.2.1 -all", kFail, "192.0.2.1"},
                    {"v=spf1 ip6:::ffff:192.0.2.1/96 -all", kFail, "2001:db8::1"},
                    {"v=spf1 ip6:2001:db8::/129 -all", kPermError, "2001:db8::1"},
                    {"v=spf1 ip6:2001:db8::/00 -all", kPermError, "2001:db8::1"},
                    {"v=spf1 ip6:2001:db8::1//64 -all", kPermError, "2001:db8::1"},
                    {"v=spf1 ip6:192.0.2.1 -all", kPermError},
                    {"v=spf1 ip6 -all", kPermError},
                    {"v=spf1 ip6:2001:db8:::1 -all", kPermError},
                });
}

TEST_CASE("a") {
  const std::string longest(63, 'a');
  const std::string zone =
      "t.example A 192.0.2.1\n"
      "many.example A 198.51.100.1\nmany.example A 192.0.2.1\n"
      "near.example A 192.0.2.77\nnear.example AAAA 2001:db8::77\n"
      "mapped.example AAAA ::ffff:192.0.2.1\n"
      "slow.example A !\n"
      "foo:bar/baz.example A 192.0.2.1\n" +
      longest + ".example A 192.0.2.1\n" + longest + "a.example A 192.0.2.1\n";
  check_all(zone.c_str(), {
                              {"v=spf1 a -all", kPass},
                              {"v=spf1 a -all", kFail, "192.0.2.2"},
                              {"v=spf1 a -all", kFail, "2001:db8::1"},
                              {"v=spf1 a:many.example -all", kPass},
                              {"v=spf1 a:MANY.example. -all", kPass},
                              {"v=spf1 a:near.example -all", kFail},
                              {"v=spf1 a:near.example/24 -all", kPass},
                              {"v=spf1 a:near.example/25//0 -all", kPass},
                              {"v=spf1 a:near.example/26//0 -all", kFail},
                              {"v=spf1 a:near.example/0 -all", kPass, "203.0.113.1"},
                              {"v=spf1 a:near.example//64 -all", kPass, "2001:db8::1"},
                              {"v=spf1 a:near.example/0 -all", kFail, "2001:db8::1"},
                              {"v=spf1 a:near.example/24//0 -all", kPass, "2a00::1"},
                              {"v=spf1 a:gone.example/0 -all", kFail},
                              // No IPv6 network is made of a mapped address.
                              {"v=spf1 a:mapped.example//0 -all", kFail, "2001:db8::1"},
                              {"v=spf1 a:slow.example -all", kTempError},
                              {"v=spf1 ip4:192.0.2.1 a:slow.example -all", kPass},
                              {"v=spf1 a:foo:bar/baz.example -all", kPass},
                              {"v=spf1 a:many.example:25 -all", kPermError},
                              {"v=spf1 a: -all", kPermError},
                              {"v=spf1 a/ -all", kPermError},
                              {"v=spf1 a/33 -all", kPermError},
                              {"v=spf1 a//129 -all", kPermError},
                              {"v=spf1 a/24/64 -all", kPermError},
                              {"v=spf1 a:192.0.2.1 -all", kPermError},
                              {"v=spf1 a:example -all", kPermError},
                              {"v=spf1 a:example. -all", kPermError},
                              {"v=spf1 a:t.exa_mple -all", kPermError},
                          });
  check_all(zone.c_str(), {{("v=spf1 a:" + longest + ".example -all").c_str(), kPass},
                           {("v=spf1 a:" + longest + "a.example -all").c_str(), kFail}});
}

TEST_CASE("mx") {
  const char* const zone =
      "t.example MX mx1.example\nt.example MX mx2.example\n"
      "mx1.example A 198.51.100.1\nmx2.example A 192.0.2.1\nmx2.example AAAA 2001:db8::2\n"
      "m.example MX mx2.example\n"
      "null.example MX \n"
      "host.example A 192.0.2.1\n"
      "escaped.example MX a\\.b.example\n"
      "slow.example MX !\n"
      "behind.example MX mx1.example\nbehind.example MX slow-host.example\nslow-host.example A !\n";
  check_all(zone, {
                      {"v=spf1 mx -all", kPass},
                      {"v=spf1 mx -all", kPass, "198.51.100.1"},
                      {"v=spf1 mx -all", kFail, "203.0.113.1"},
                      {"v=spf1 MX/25 -all", kPass, "198.51.100.99"},
                      {"v=spf1 mx:m.example -all", kPass},
                      {"v=spf1 mx:m.example -all", kFail, "198.51.100.1"},
                      {"v=spf1 mx:m.example//32 -all", kPass, "2001:db8:1::1"},
                      {"v=spf1 mx:m.example/0 -all", kFail, "2001:db8::1"},
                      {"v=spf1 mx:null.example/0 -all", kFail},
                      {"v=spf1 mx:escaped.example -all", kFail},
                      // A host that is no exchange is not meant, even where there is no exchange.
                      {"v=spf1 mx:host.example -all", kFail},
                      {"v=spf1 mx:gone.example -all", kFail},
                      {"v=spf1 mx:slow.example -all", kTempError},
                      {"v=spf1 mx:behind.example -all", kTempError},
                      {"v=spf1 mx:behind.example -all", kPass, "198.51.100.1"},
                      {"v=spf1 mx: -all", kPermError},
                      {"v=spf1 mx/33 -all", kPermError},
                      {"v=spf1 mx//129 -all", kPermError},
                      {"v=spf1 mx:m.example/24/64 -all", kPermError},
                      {"v=spf1 mx:example -all", kPermError},
                  });
}

TEST_CASE("ptr") {
  const char* const zone =
      "1.2.0.192.in-addr.arpa PTR Mail.T.Example\n"
      "mail.t.example A 192.0.2.1\n"
      // Says to be our host, which does not know it.
      "2.2.0.192.in-addr.arpa PTR mail.t.example\n"
      // One name that nobody answers for, one that is none, and one that is right.
      "3.2.0.192.in-addr.arpa PTR slow.example\n3.2.0.192.in-addr.arpa PTR a..b\n"
      "3.2.0.192.in-addr.arpa PTR t.example\nslow.example A !\nt.example A 192.0.2.3\n"
      "4.2.0.192.in-addr.arpa PTR !\n"
      "5.2.0.192.in-addr.arpa PTR evilt.example\nevilt.example A 192.0.2.5\n"
      "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR six.example\n"
      "six.example AAAA 2001:db8::1\n";
  check_all(zone, {
                      {"v=spf1 ptr -all", kPass},
                      {"v=spf1 -ptr +all", kFail},
                      {"v=spf1 PTR:t.example -all", kPass},
                      {"v=spf1 ptr:mail.t.example -all", kPass},
                      {"v=spf1 ptr:www.t.example -all", kFail},
                      {"v=spf1 ptr:other.example -all", kFail},
                      {"v=spf1 ptr -all", kFail, "192.0.2.2"},
                      {"v=spf1 ptr -all", kPass, "192.0.2.3"},
                      {"v=spf1 ptr -all", kFail, "192.0.2.4"},
                      {"v=spf1 ptr -all", kFail, "192.0.2.5"},
                      {"v=spf1 ptr -all", kFail, "192.0.2.99"},
                      {"v=spf1 ptr:six.example -all", kPass, "2001:db8::1"},
                      {"v=spf1 ptr:other.example ptr -all", kPass},
                      {"v=spf1 ptr: -all", kPermError},
                      {"v=spf1 ptr/24 -all", kPermError},
                      {"v=spf1 ptr:t.example/24 -all", kPermError},
                  });
}

TEST_CASE("exists") {
  check_all(
      "b.example A 127.0.0.2\n"
      "six.example AAAA 2001:db8::1\n"
      "192.0.2.1.list.example A 127.0.0.2\n"
      "slow.example A !\n",
      {
          {"v=spf1 exists:b.example -all", kPass},
          {"v=spf1 -exists:b.example +all", kFail},
          // Only A records count, and count for all clients.
          {"v=spf1 exists:b.example -all", kPass, "2001:db8::1"},
          {"v=spf1 exists:six.example -all", kFail, "2001:db8::1"},
          {"v=spf1 exists:%{i}.list.example -all", kPass},
          {"v=spf1 exists:%{i}.list.example -all", kFail, "192.0.2.2"},
          {"v=spf1 exists:gone.example -all", kFail},
          {"v=spf1 exists:slow.example -all", kTempError},
          {"v=spf1 exists -all", kPermError},
          {"v=spf1 exists: -all", kPermError},
          {"v=spf1 exists:b.example/24 -all", kPermError},
          {"v=spf1 exists:b -all", kPermError},
      });
}

TEST_CASE("include") {
  check_all(
      "pass.example TXT v=spf1 ip4:192.0.2.1 ~all\n"
      "fail.example TXT v=spf1 -all\n"
      "neutral.example TXT v=spf1 ?all\n"
      "wrong.example TXT v=spf1 oops\n"
      "slow.example TXT !\n"
      "deep.example TXT v=spf1 include:fail.example include:pass.example -all\n"
      "away.example TXT v=spf1 redirect=pass.example\n"
      "own.example TXT v=spf1 a -all\nown.example A 192.0.2.1\n"
      "pass.t.example TXT v=spf1 exists:%{d}.x.%{o} -all\npass.t.example.x.t.example A 127.0.0.2\n",
      {
          {"v=spf1 include:pass.example -all", kPass},
          {"v=spf1 -include:pass.example +all", kFail},
          {"v=spf1 ~INCLUDE:Pass.Example. -all", kSoftFail},
          {"v=spf1 include:pass.example -all", kFail, "192.0.2.2"},
          {"v=spf1 include:fail.example ?all", kNeutral},
          {"v=spf1 include:neutral.example -all", kFail},
          {"v=spf1 include:fail.example", kNeutral},
          {"v=spf1 include:deep.example -all", kPass},
          {"v=spf1 ?include:deep.example -all", kNeutral},
          {"v=spf1 include:deep.example -all", kFail, "192.0.2.2"},
          {"v=spf1 include:away.example -all", kPass},
          {"v=spf1 include:away.example -all", kFail, "192.0.2.2"},
          // The included record is evaluated for its own domain, and then ours goes on for ours.
          {"v=spf1 include:own.example -all", kPass},
          {"v=spf1 include:fail.example include:pass.%{d} -all", kPass},
          {"v=spf1 include:slow.example +all", kTempError},
          {"v=spf1 include:wrong.example +all", kPermError},
          {"v=spf1 include:gone.example +all", kPermError},
          {"v=spf1 include:b..example +all", kPermError},
          {"v=spf1 include:%{h1} +all", kPermError},
          {"v=spf1 include +all", kPermError},
          {"v=spf1 include: +all", kPermError},
          {"v=spf1 include:pass.example/24 +all", kPermError},
          {"v=spf1 include:t.example -all", kPermError},
      });
}

TEST_CASE("redirect, exp and other modifiers") {
  check_all(
      "pass.example TXT v=spf1 ip4:192.0.2.1 ~all\n"
      "wrong.example TXT v=spf1 oops\n"
      "slow.example TXT !\nslow.example A !\n"
      "hop.example TXT v=spf1 redirect=pass.example\n"
      "own.example TXT v=spf1 a:%{d} -all\nown.example A 192.0.2.1\n"
      "includes.example TXT v=spf1 include:pass.example -all\n",
      {
          {"v=spf1 redirect=pass.example", kPass},
          {"v=spf1 redirect=pass.example", kSoftFail, "192.0.2.2"},
          {"v=spf1 Redirect=hop.example", kSoftFail, "192.0.2.2"},
          {"v=spf1 redirect=own.example", kPass},
          {"v=spf1 redirect=includes.example", kPass},
          {"v=spf1 redirect=includes.example", kFail, "192.0.2.2"},
          // It comes last wherever it stands, and not at all behind a match.
          {"v=spf1 redirect=pass.example ip4:192.0.2.2", kPass, "192.0.2.2"},
          {"v=spf1 redirect=pass.example -all", kFail},
          {"v=spf1 redirect=gone.example", kPermError},
          {"v=spf1 redirect=gone.example ip4:192.0.2.1", kPass},
          {"v=spf1 redirect=wrong.example", kPermError},
          {"v=spf1 redirect=slow.example", kTempError},
          {"v=spf1 redirect=t.example", kPermError},
          {"v=spf1 redirect=b..example", kPermError},
          {"v=spf1 redirect= -all", kPermError},
          {"v=spf1 redirect:pass.example -all", kPermError},
          {"v=spf1 redirect=pass.example/24 -all", kPermError},
          {"v=spf1 redirect=pass.example redirect=pass.example -all", kPermError},
          // An explanation is checked for its form and never looked up.
          {"v=spf1 exp=slow.example -all", kFail},
          {"v=spf1 exp=%{p}.slow.example -all", kFail},
          {"v=spf1 exp=gone.example +all", kPass},
          {"v=spf1 exp= -all", kPermError},
          {"v=spf1 exp=example -all", kPermError},
          {"v=spf1 exp=why.example -all exp=why.example", kPermError},
          {"v=spf1 moo= cow-1.x_=%{s2r-}/%%%_%- -all", kFail},
          {"v=spf1 moo=1 moo=2 -all", kFail},
          {"v=spf1 1moo=x -all", kPermError},
          {"v=spf1 -moo=x -all", kPermError},
          {"v=spf1 moo=%{d -all", kPermError},
          {"v=spf1 moo=caf\xc3\xa9 -all", kPermError},
      });
}
