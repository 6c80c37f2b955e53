// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/spf/provider_walk.h"

#include <memory>
#include <optional>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "smtpgate/spf/fake_dns.h"

using namespace smtpgate;

namespace {

hf::Result<WalkedNets> walk(FakeDns& dns, const char* domain = "big.example") {
  std::optional<hf::Result<WalkedNets>> result;
  ProviderWalk provider(dns, domain, [&](hf::Result<WalkedNets> told) {
    REQUIRE(!result);
    result = std::move(told);
  });
  provider.start();
  CHECK(!result);
  dns.answer_all();
  REQUIRE(result);
  return std::move(*result);
}

/// The networks in one line, or the error.
std::string networks(const char* zone, size_t skipped = 0) {
  FakeDns dns(zone);
  const auto nets = walk(dns);
  if (!nets) return nets.error().message;
  CHECK(nets->skipped_terms == skipped);
  std::string line;
  for (const hf::IpPrefix& network : nets->networks)
    line += (line.empty() ? "" : " ") + network.to_string();
  return line;
}

}  // namespace

TEST_CASE("all that a record refers to is followed") {
  CHECK(networks("big.example TXT other text\n"
                 "big.example TXT v=spf1 include:_a.big.example ip4:192.0.2.0/24 mx/24//64 a ~all\n"
                 "_a.big.example TXT v=spf1 ip6:2001:db8::/32 redirect=_B.Big.example.\n"
                 "_b.big.example TXT v=spf1 ip4:198.51.100.0/25 a:host.example/28 ?all\n"
                 "host.example A 203.0.113.77\n"
                 "big.example A 192.0.2.5\n"
                 "big.example AAAA 2a00::1\n"
                 "big.example MX mx.example\nbig.example MX a\\.b\n"
                 "mx.example A 10.1.2.3\nmx.example AAAA 2a00:0:0:1::1\n") ==
        "10.1.2.0/24 192.0.2.0/24 198.51.100.0/25 203.0.113.64/28 2001:db8::/32 2a00::1/128 "
        "2a00:0:0:1::/64");
}

TEST_CASE("what needs a mail, and what does not pass, is left out and counted") {
  CHECK(networks("big.example TXT v=spf1 exists:%{i}.x.example ptr include:%{d2}.x.example "
                 "a:b..example -ip4:192.0.2.1 ip4:192.0.2.0/24 ?mx redirect=%{o}\n",
                 7) == "192.0.2.0/24");
  CHECK(networks("big.example TXT v=spf1 ip4:192.0.2.1 -all ip4:192.0.2.2 redirect=x.example\n") ==
        "192.0.2.1/32");
  CHECK(networks("big.example TXT v=spf1 +all\n") == "0.0.0.0/0 ::/0");
  CHECK(networks("big.example TXT v=spf1 -all\n") == "");
  CHECK(networks("big.example TXT v=spf1 a:m.example//0 ip6:::ffff:192.0.2.1\n"
                 "m.example AAAA ::ffff:192.0.2.1\n") == "");
}

TEST_CASE("circles are walked once") {
  FakeDns dns(
      "big.example TXT v=spf1 include:a.example include:a.example -all\n"
      "a.example TXT v=spf1 ip4:192.0.2.1 include:big.example include:A.example. -all\n");
  const auto nets = walk(dns);
  REQUIRE(nets);
  CHECK(nets->networks.size() == 1);
  CHECK(dns.asked == 2);
}

TEST_CASE("a walk is whole or an error, which names the domain") {
  const std::string start = "big.example TXT v=spf1 ip4:192.0.2.1 include:a.example a:b.example\n";
  const auto error = [&](const std::string& zone) { return networks((start + zone).c_str()); };
  CHECK(error("") == "a.example: it has no SPF record");
  CHECK(error("a.example TXT !\n") == "a.example: the DNS gave no answer in time");
  CHECK(error("a.example TXT v=spf1\na.example TXT v=spf1\n") ==
        "a.example: it has several SPF records");
  CHECK(error("a.example TXT v=spf1 oops\n") == "a.example: \"oops\": there is no such mechanism");
  CHECK(error("a.example TXT v=spf1\nb.example AAAA !\n") ==
        "b.example: the DNS gave no answer in time");
  CHECK(error("a.example TXT v=spf1\n") == "192.0.2.1/32");  // b.example may have no address
}

TEST_CASE("questions and networks are limited") {
  const auto with_hosts = [](int hosts) {
    std::string zone = "big.example TXT v=spf1";
    for (int i = 0; i < hosts; ++i) zone += fmt::format(" a:h{}.example", i);
    return zone;
  };
  // A record and two questions for each host.
  CHECK(networks(with_hosts(99).c_str()) == "");
  CHECK(networks(with_hosts(100).c_str()) ==
        "big.example: up to here it takes more than 200 questions");

  const auto with_networks = [](int count) {
    std::string record = "v=spf1";
    for (int i = 0; i < count; ++i) record += fmt::format(" ip4:10.{}.{}.0/24", i / 256, i % 256);
    FakeDns dns;
    dns.add("big.example", "TXT", record);
    return walk(dns);
  };
  REQUIRE(with_networks(5000));
  CHECK(with_networks(5000)->networks.size() == 5000);
  const auto more = with_networks(5001);
  REQUIRE(!more);
  CHECK(more.error().message == "big.example: up to here there are more than 5000 networks");
}

TEST_CASE("a walk that is gone calls nobody, and may go when it is told") {
  FakeDns dns("big.example TXT v=spf1 ip4:192.0.2.1\n");
  int calls = 0;
  auto provider = std::make_unique<ProviderWalk>(dns, "big.example", [&](const auto&) { ++calls; });
  provider->start();
  provider.reset();
  dns.answer_all();
  CHECK(calls == 0);

  provider = std::make_unique<ProviderWalk>(dns, "big.example", [&](const auto& nets) {
    provider.reset();
    calls += nets.has_value();
  });
  provider->start();
  dns.answer_all();
  CHECK(calls == 1);
}
