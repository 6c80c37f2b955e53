// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/grey/scope.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "smtpgate/grey/record.h"

using namespace smtpgate;

namespace {

hf::IpAddress ip(std::string_view text) {
  const auto address = hf::IpAddress::parse(text);
  REQUIRE(address);
  return *address;
}

struct Named {
  std::string ip, name;
};

}  // namespace

// The shapes are those of access providers and clouds; the addresses are made up to fit.
TEST_CASE("names made from the client's address") {
  for (const Named& c : {
           // all four octets, in any order, between dots, dashes and letters
           Named{"81.190.12.7", "81-190-12-7.dynamic.isp.example"},
           {"81.190.12.7", "host-81-190-12-7.isp.example"},
           {"81.190.12.7", "static.7.12.190.81.clients.host.example"},
           {"81.190.12.7", "7.12.190.81.in-addr.arpa.isp.example"},
           {"81.190.12.7", "c-81-190-12-7.hsd1.ga.isp.example"},
           {"81.190.12.7", "ec2-81-190-12-7.compute-1.amazonaws.com"},
           {"81.190.12.7", "7.12.190.81.bc.googleusercontent.com"},
           {"81.190.12.7", "ip81.190.12.7.isp.example"},
           {"81.190.12.7", "81.190.12.7.static.isp.example"},
           {"81.190.12.7", "12-7.81-190.dsl.isp.example"},
           {"81.190.12.7", "190.81.7.12.isp.example"},
           {"81.190.12.7", "adsl_81_190_12_7.isp.example"},
           {"81.190.12.7", "lfbn-1-81x190x12x7.w81-190.abo.isp.example"},
           {"81.190.12.7", "81-190-12-7.cpe24.isp2.example"},
           {"5.5.5.5", "5-5-5-5.isp.example"},
           // zero-padded, apart or joined
           {"81.190.12.7", "081-190-012-007.isp.example"},
           {"81.190.12.7", "ip081190012007.isp.example"},
           {"81.190.12.7", "dsl007012190081.isp.example"},
           {"81.190.12.7", "p081190-012007.isp.example"},
           {"81.190.12.7", "81-190-012007.isp.example"},
           // joined without padding; the address as one number
           {"81.190.12.7", "cpe-81190127.isp.example"},
           {"81.190.12.7", "71219081.isp.example"},
           {"81.190.12.7", "1371409415.isp.example"},
           // the last three side by side
           {"81.190.12.7", "dyn-190-12-7.isp.example"},
           {"81.190.12.7", "7.12.190.dsl.isp.example"},
           // hexadecimal
           {"81.190.12.7", "p51be0c07.dip0.isp.example"},
           {"81.190.12.7", "51BE0C07.isp.example"},
           {"81.190.12.7", "host070cbe51.isp.example"},
           {"81.190.12.7", "51-be-0c-07.isp.example"},
           {"81.190.12.7", "cable-51be.0c07.isp.example."},
           // IPv6
           {"2001:db8:12:34:aabb:ccdd:eeff:1",
            "1.0.0.0.f.f.e.e.d.d.c.c.b.b.a.a.4.3.0.0.2.1.0.0.8.b.d.0.1.0.0.2.ip6.isp.example"},
           {"2001:db8:12:34:aabb:ccdd:eeff:1", "20010db800120034aabbccddeeff0001.isp.example"},
           {"2001:db8:12:34:aabb:ccdd:eeff:1",
            "dynamic-2001-0db8-0012-0034-aabb-ccdd-eeff-0001.isp.example"},
           {"2001:db8:12:34:aabb:ccdd:eeff:1",
            "dynamic-2001-db8-12-34-aabb-ccdd-eeff-1.isp.example"},
           {"2001:db8:12:34:aabb:ccdd:eeff:1", "x2001.db8.12.34.isp.example"},
           {"2001:db8:12:34:aabb:ccdd:eeff:1", "2001-db8-0012-34.res6.isp.example"},
           {"2001:db8:12:34:aabb:ccdd:eeff:1", "host-aabb-ccdd-eeff-1.isp.example"},
           {"2001:db8:12:34:aabb:ccdd:eeff:1", "aabbccddeeff0001.isp.example"},
           {"2001:db8::5:1", "2001-db8--5-1.isp.example"},
       }) {
    CAPTURE(c.name);
    CHECK(name_encodes_address(c.name, ip(c.ip)));
  }
}

TEST_CASE("names that only look like it") {
  for (const Named& c : {
           Named{"81.190.12.7", "mail.example.com"},
           {"81.190.12.7", "mx7.example.com"},
           {"81.190.12.7", "81-190-12-8.isp.example"},
           {"81.190.12.7", "o1.ptr8177.sender.example"},
           {"209.85.222.182", "mail-qk1-f182.google.com"},
           {"209.85.128.41", "mail-wm1-f41.google.com"},
           {"40.107.22.41", "mail-am6eur05on2041.outbound.protection.outlook.com"},
           {"54.240.8.31", "a8-31.smtp-out.amazonses.com"},
           {"198.2.132.5", "mail132-5.atl131.mandrillapp.com"},
           {"212.227.15.19", "mout.gmx.net"},
           {"94.100.181.5", "f5.my.com"},
           {"87.248.110.84", "sonic301-21.consmr.mail.ir2.yahoo.com"},
           {"17.58.23.200", "pv50p00im-ztdg10021901.me.com"},
           {"81.190.12.7", "1-2-3-4-5.example.com"},
           {"5.5.5.5", "mx5-5.example.com"},
           {"1.2.3.4", "mx12.example.com"},
           {"2001:db8::1", "mail.example.com"},
           {"2001:db8::1", "mx1.db8.example.com"},
           {"2001:db8:12:34:aabb:ccdd:eeff:1", "mx-2001-db8.example.com"},
           {"81.190.12.7", ""},
       }) {
    CAPTURE(c.name);
    CHECK_FALSE(name_encodes_address(c.name, ip(c.ip)));
  }
}

TEST_CASE("registered domains") {
  struct Case {
    std::string name, domain;
  };
  for (const Case& c : {
           Case{"out1.mail.example.com", "example.com"},
           {"Mail.Example.CO.UK.", "example.co.uk"},
           {"example.org", "example.org"},
           {"co.uk", ""},
           {"com", ""},
           {"", ""},
           {".", ""},
           {"a b.example.com", ""},
           {"b\xc3\xbc.example.com", ""},
           // a cloud's customers do not stand for each other
           {"ec2-203-0-113-1.compute-1.amazonaws.com", ""},
           {"customer.herokuapp.com", "customer.herokuapp.com"},
       }) {
    CAPTURE(c.name);
    CHECK(registered_domain(c.name) == c.domain);
  }
}

TEST_CASE("the scopes of a client, widest first") {
  using Scopes = std::vector<std::string>;
  CHECK(scopes_of(ip("192.0.2.1"), "out1.example.com", "Sender.Example") ==
        Scopes{"spf:sender.example", "ptr:example.com", "net:192.0.2.0/24"});
  CHECK(scopes_of(ip("192.0.2.1"), "", "") == Scopes{"net:192.0.2.0/24"});
  CHECK(scopes_of(ip("192.0.2.1"), "192-0-2-1.isp.example", "") == Scopes{"net:192.0.2.0/24"});
  CHECK(scopes_of(ip("2001:db8::25"), "mx.example.com", "") ==
        Scopes{"ptr:example.com", "net:2001:db8::/64"});
  CHECK(scopes_of(ip("192.0.2.1"), "co.uk", "no domain") == Scopes{"net:192.0.2.0/24"});
}
