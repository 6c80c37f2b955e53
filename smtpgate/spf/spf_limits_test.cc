// SPDX-License-Identifier: Apache-2.0
// What bounds a check (RFC 7208 §4.6.4), what macros see in the course of it, and its life time.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "smtpgate/spf/fake_dns.h"
#include "smtpgate/spf/spf_check.h"

using namespace smtpgate;
using enum SpfResult;

namespace {

SpfResult check(FakeDns& dns, const char* client = "192.0.2.1",
                const std::string& mail_from = "Bob-x@t.example") {
  std::optional<SpfResult> result;
  SpfCheck spf(dns, *hf::IpAddress::parse(client), "Mail.Helo.Example", mail_from,
               [&](const SpfOutcome& outcome) { result = outcome.result; });
  spf.start();
  dns.answer_all();
  REQUIRE(result);
  return *result;
}

/// The result of `record` at t.example, in `zone`.
SpfResult check(const std::string& record, const std::string& zone, const char* client) {
  FakeDns dns(zone);
  dns.add("t.example", "TXT", record);
  return check(dns, client);
}

std::string repeated(int times, std::string_view text) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("ten terms may need the DNS, and not one more") {
  const char* const zone =
      "b.example A 198.51.100.1\n"
      "b.example MX b.example\n"
      "none.example TXT v=spf1 ?all\n"
      "1.2.0.192.in-addr.arpa PTR b.example\n";
  for (const std::string term : {"a:b.example ", "a:b.example//0 ", "mx:b.example ",
                                 "ptr:b.example ", "include:none.example "}) {
    INFO(term);
    CHECK(check("v=spf1 " + repeated(10, term) + "-all", zone, "192.0.2.1") == kFail);
    CHECK(check("v=spf1 " + repeated(11, term) + "-all", zone, "192.0.2.1") == kPermError);
    // Nobody counts what is never looked at.
    CHECK(check("v=spf1 ip4:192.0.2.1 " + repeated(11, term), zone, "192.0.2.1") == kPass);
  }
  CHECK(check("v=spf1 " + repeated(30, "ip4:203.0.113.1 moo=%{i} ") + "-all", zone, "192.0.2.1") ==
        kFail);
}

TEST_CASE("the budget is one for all records") {
  const std::string zone =
      "b.example A 198.51.100.1\nfour.example TXT v=spf1 " + repeated(4, "a:b.example ") + "?all\n";
  const auto result = [&](const std::string& terms) {
    return check("v=spf1 " + terms, zone, "192.0.2.1");
  };
  CHECK(result("include:four.example include:four.example -all") == kFail);
  CHECK(result("include:four.example include:four.example a:b.example -all") == kPermError);
  CHECK(result(repeated(5, "a:b.example ") + "redirect=four.example") == kNeutral);
  CHECK(result(repeated(6, "a:b.example ") + "redirect=four.example") == kPermError);
}

TEST_CASE("circles and long chains end") {
  CHECK(check("v=spf1 include:b.example -all", "b.example TXT v=spf1 include:t.example", "::1") ==
        kPermError);
  CHECK(check("v=spf1 redirect=b.example", "b.example TXT v=spf1 redirect=t.example", "::1") ==
        kPermError);
  std::string chain;
  for (int i = 0; i < 20; ++i)
    chain += "c" + std::to_string(i) + ".example TXT v=spf1 include:c" + std::to_string(i + 1) +
             ".example -all\n";
  chain += "end.example TXT v=spf1 +all\n";
  CHECK(check("v=spf1 include:c0.example -all", chain, "::1") == kPermError);
  // Ten includes of which each leads to the next: the last of them lets the client pass.
  const std::string ten = "c9.example TXT v=spf1 +all\n";
  std::string nine;
  for (int i = 0; i < 9; ++i)
    nine += "c" + std::to_string(i) + ".example TXT v=spf1 include:c" + std::to_string(i + 1) +
            ".example -all\n";
  CHECK(check("v=spf1 include:c0.example -all", nine + ten, "::1") == kPass);
}

TEST_CASE("a domain may have ten mail exchanges, and not one more") {
  std::string zone;
  for (int i = 0; i < 9; ++i) zone += "m.example MX mx" + std::to_string(i) + ".example\n";
  zone += "m.example MX last.example\nlast.example A 192.0.2.1\n";
  CHECK(check("v=spf1 mx:m.example -all", zone, "192.0.2.1") == kPass);
  CHECK(check("v=spf1 mx:m.example -all", "m.example MX first.example\n" + zone, "192.0.2.1") ==
        kPermError);
}

TEST_CASE("of a client's names the first ten count") {
  std::string zone;
  for (int i = 0; i < 9; ++i)
    zone += "1.2.0.192.in-addr.arpa PTR p" + std::to_string(i) + ".example\n";
  const std::string right = "1.2.0.192.in-addr.arpa PTR t.example\nt.example A 192.0.2.1\n";
  CHECK(check("v=spf1 ptr -all", zone + right, "192.0.2.1") == kPass);
  CHECK(check("v=spf1 ptr -all", zone + "1.2.0.192.in-addr.arpa PTR q.example\n" + right,
              "192.0.2.1") == kFail);
}

TEST_CASE("two terms may find nothing, and not one more") {
  const char* const zone = "m.example MX a.m.example\nm.example MX b.m.example\n";
  for (const std::string term : {"a:gone.example ", "mx:gone.example ", "exists:gone.example "}) {
    INFO(term);
    CHECK(check("v=spf1 " + repeated(2, term) + "-all", zone, "192.0.2.1") == kFail);
    CHECK(check("v=spf1 " + repeated(3, term) + "-all", zone, "192.0.2.1") == kPermError);
  }
  CHECK(check("v=spf1 ptr a:gone.example -all", zone, "192.0.2.1") == kFail);
  CHECK(check("v=spf1 ptr a:gone.example mx:gone.example -all", zone, "192.0.2.1") == kPermError);
  // Exchanges without an address of the client's family are common, and no term of their own.
  CHECK(check("v=spf1 mx:m.example mx:m.example -all", zone, "192.0.2.1") == kFail);
}

TEST_CASE("a check asks a bounded number of questions") {
  FakeDns dns;
  for (int i = 0; i < 10; ++i) {
    dns.add("t.example", "MX", "mx" + std::to_string(i) + ".example");
    dns.add("1.2.0.192.in-addr.arpa", "PTR", "p" + std::to_string(i) + ".example");
  }
  dns.add("t.example", "TXT", "v=spf1 ptr " + repeated(9, "mx ") + "-all");
  CHECK(check(dns) == kFail);
  CHECK(dns.asked == 1 + 11 + 9 * 11);
}

TEST_CASE("macros see the sender, HELO, the client and the record's own domain") {
  const char* const v6_nibbles = "2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1";
  const struct {
    const char* spec;
    std::string asked;
    const char* client = "192.0.2.1";
    const char* mail_from = "Bob-x@t.example";
  } cases[] = {
      {"%{l}.x.example", "bob-x.x.example"},
      {"%{l}.x.example", "postmaster.x.example", "192.0.2.1", "@t.example"},
      {"%{l1r-}.x.example", "bob.x.example"},
      {"%{o}.x.example", "t.example.x.example"},
      {"%{s}.x.example", "bob-x@t.example.x.example"},
      {"%{d2}.x.example", "t.example.x.example"},
      {"%{h}", "mail.helo.example"},
      {"%{ir}.%{v}.x.example", "1.2.0.192.in-addr.x.example"},
      {"%{i}.%{v}.x.example", v6_nibbles + std::string(".ip6.x.example"), "2001:db8::1"},
      {"%{i}.x.example", "192.0.2.1.x.example", "::ffff:192.0.2.1"},
      {"a%_b.x.example", "a b.x.example"},
  };
  for (const auto& one : cases) {
    INFO(one.spec);
    FakeDns dns("t.example TXT v=spf1 exists:" + std::string(one.spec) + " -all");
    dns.add(one.asked, "A", "127.0.0.2");
    CHECK(check(dns, one.client, one.mail_from) == kPass);
  }
}

TEST_CASE("what a sender makes up cannot become another name") {
  FakeDns dns("t.example TXT v=spf1 exists:%{l}.example +all");
  CHECK(check(dns, "192.0.2.1", "a\\.b@t.example") == kPass);
  CHECK(check(dns, "192.0.2.1", "a..b@t.example") == kPass);
  CHECK(check(dns, "192.0.2.1", std::string("a\0b@t.example", 13)) == kPass);
  CHECK(dns.asked == 3);  // for the record
}

TEST_CASE("the macro p is the client's best confirmed name") {
  const std::string other = "1.2.0.192.in-addr.arpa PTR other.example\nother.example A 192.0.2.1\n";
  const std::string below = "1.2.0.192.in-addr.arpa PTR mx.t.example\nmx.t.example A 192.0.2.1\n";
  const std::string same = "1.2.0.192.in-addr.arpa PTR T.example\nt.example A 192.0.2.1\n";
  const std::string lie = "1.2.0.192.in-addr.arpa PTR lie.t.example\nlie.t.example A 192.0.2.9\n";
  const auto name = [&](const std::string& zone) {
    for (const char* candidate : {"unknown", "other.example", "mx.t.example", "t.example"}) {
      FakeDns dns(zone);
      dns.add("t.example", "TXT", "v=spf1 exists:%{p}.is.example -all");
      dns.add(std::string(candidate) + ".is.example", "A", "127.0.0.2");
      if (check(dns) == kPass) return std::string(candidate);
    }
    return std::string("none of them");
  };
  CHECK(name("") == "unknown");
  CHECK(name("1.2.0.192.in-addr.arpa PTR !\n") == "unknown");
  CHECK(name(lie) == "unknown");
  CHECK(name(other) == "other.example");
  CHECK(name(other + below) == "mx.t.example");
  CHECK(name(other + below + same) == "t.example");
  CHECK(name(same + below) == "t.example");

  // The redirect's own macro may be what needs the name first.
  FakeDns dns(other + "t.example TXT v=spf1 redirect=%{p}.x.example\n" +
              "other.example.x.example TXT v=spf1 +all\n");
  CHECK(check(dns) == kPass);
}

TEST_CASE("a check that is gone calls nobody, whatever it was waiting for") {
  FakeDns dns("t.example TXT v=spf1 a mx -all\nt.example A 198.51.100.1\n");
  int calls = 0;
  for (const char* sender : {"a@t.example", "a@localhost"}) {
    auto spf = std::make_unique<SpfCheck>(dns, *hf::IpAddress::parse("192.0.2.1"), "", sender,
                                          [&](const SpfOutcome&) { ++calls; });
    spf->start();
    spf.reset();
    dns.answer_all();
  }
  CHECK(calls == 0);
  CHECK(dns.asked == 2);
}

TEST_CASE("a check may be destroyed by who is told its outcome") {
  FakeDns dns("t.example TXT v=spf1 -all");
  std::unique_ptr<SpfCheck> spf;
  SpfOutcome told;
  spf = std::make_unique<SpfCheck>(dns, *hf::IpAddress::parse("192.0.2.1"), "", "a@T.example",
                                   [&](SpfOutcome outcome) {
                                     spf.reset();
                                     told = std::move(outcome);
                                   });
  spf->start();
  dns.answer_all();
  CHECK(told.result == kFail);
  CHECK(told.domain == "t.example");
}

TEST_CASE("many checks share a resolver, each with its own outcome") {
  FakeDns dns("yes.example TXT v=spf1 +all\nno.example TXT v=spf1 a:yes.example -all");
  SpfResult yes = kNone, no = kNone;
  const auto client = *hf::IpAddress::parse("192.0.2.1");
  SpfCheck first(dns, client, "h", "a@yes.example", [&](const SpfOutcome& o) { yes = o.result; });
  SpfCheck second(dns, client, "h", "a@no.example", [&](const SpfOutcome& o) { no = o.result; });
  first.start();
  second.start();
  dns.answer_all();
  CHECK(yes == kPass);
  CHECK(no == kFail);
}
