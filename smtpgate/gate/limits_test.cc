// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/limits.h"

#include <doctest/doctest.h>

using hf::IpAddress;
using smtpgate::Config;
using smtpgate::Limit;
using smtpgate::LimitTable;

namespace {

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

Config::Limits limits(int64_t per_ip, int64_t per_net, uint32_t rate) {
  Config::Limits out;
  out.per_ip = per_ip;
  out.per_net24 = out.per_net64 = per_net;
  out.rate_ip = {rate, std::chrono::seconds(60)};
  return out;
}

}  // namespace

TEST_CASE("connections at once from one address") {
  LimitTable table;
  const auto rules = limits(2, 0, 0);
  CHECK(table.enter(ip("192.0.2.1"), rules, 0) == Limit::kNone);
  CHECK(table.enter(ip("192.0.2.1"), rules, 0) == Limit::kNone);
  CHECK(table.enter(ip("192.0.2.1"), rules, 0) == Limit::kPerIp);
  CHECK(table.enter(ip("192.0.2.2"), rules, 0) == Limit::kNone);
  table.leave(ip("192.0.2.1"));
  table.leave(ip("192.0.2.1"));
  CHECK(table.enter(ip("192.0.2.1"), rules, 0) == Limit::kNone);
}

TEST_CASE("connections at once from one network, IPv4 by /24 and IPv6 by /64") {
  LimitTable table;
  const auto rules = limits(0, 2, 0);
  CHECK(table.enter(ip("192.0.2.1"), rules, 0) == Limit::kNone);
  CHECK(table.enter(ip("192.0.2.200"), rules, 0) == Limit::kNone);
  CHECK(table.enter(ip("192.0.2.3"), rules, 0) == Limit::kPerNet);
  CHECK(table.enter(ip("192.0.3.3"), rules, 0) == Limit::kNone);
  CHECK(table.enter(ip("2001:db8::1"), rules, 0) == Limit::kNone);
  CHECK(table.enter(ip("2001:db8::ffff:1"), rules, 0) == Limit::kNone);
  CHECK(table.enter(ip("2001:db8::2"), rules, 0) == Limit::kPerNet);
}

TEST_CASE("a burst of connections empties the bucket, time fills it again") {
  LimitTable table;
  const auto rules = limits(0, 0, 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(table.enter(ip("192.0.2.1"), rules, 1000) == Limit::kNone);
    table.leave(ip("192.0.2.1"));
  }
  CHECK(table.enter(ip("192.0.2.1"), rules, 1000) == Limit::kRate);
  table.leave(ip("192.0.2.1"));
  CHECK(table.enter(ip("192.0.2.1"), rules, 1000 + 20'000) == Limit::kNone);
  table.leave(ip("192.0.2.1"));
}

TEST_CASE("a sweep forgets clients that count for nothing any more") {
  LimitTable table;
  const auto rules = limits(2, 2, 3);
  table.enter(ip("192.0.2.1"), rules, 0);
  table.sweep(rules, 0);
  CHECK(table.connections(ip("192.0.2.1")) == 1);
  table.leave(ip("192.0.2.1"));
  table.sweep(rules, 1'000);
  CHECK(table.size() == 1);  // its bucket is not full again
  table.sweep(rules, 60'000);
  CHECK(table.size() == 0);
}
