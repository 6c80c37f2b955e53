// SPDX-License-Identifier: Apache-2.0
#include "base/net/ip.h"

#include <string>
#include <unordered_set>

#include <doctest/doctest.h>

using hf::Endpoint;
using hf::IpAddress;
using hf::IpPrefix;

namespace {

IpAddress ip(std::string_view text) {
  const auto address = IpAddress::parse(text);
  REQUIRE_MESSAGE(address.has_value(), text);
  return *address;
}

}  // namespace

TEST_CASE("addresses are read and written in both families") {
  for (const char* text :
       {"192.0.2.1", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::25", "fe80::1:2:3:4"})
    CHECK(ip(text).to_string() == text);
  CHECK(ip("2001:DB8:0:0::25").to_string() == "2001:db8::25");
  CHECK(ip("192.0.2.1").v4_bits() == 0xc0000201);
  for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4 ", "01.2.3.4", "[::1]",
                          "fe80::1%lo", ":::", "1:2:3:4:5:6:7:8:9", "localhost",
                          "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"}) {
    INFO(bad);
    CHECK_FALSE(IpAddress::parse(bad).has_value());
  }
  CHECK_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0x", 9)).has_value());
}

TEST_CASE("a mapped address is the IPv4 address") {
  CHECK(ip("::ffff:192.0.2.1") == ip("192.0.2.1"));
  CHECK(ip("::ffff:c000:201").is_v4());
  CHECK(ip("::ffff:c000:201").to_string() == "192.0.2.1");
  CHECK_FALSE(ip("::192.0.2.1").is_v4());
}

TEST_CASE("private addresses are those that no public list knows") {
  for (const char* text :
       {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.255.1", "127.0.0.1", "127.9.9.9",
        "169.254.1.1", "100.64.0.1", "100.127.255.255", "0.0.0.0", "224.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "febf::1", "fd00::1", "fc00::1", "ff02::1"}) {
    INFO(text);
    CHECK(ip(text).is_private());
  }
  for (const char* text : {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "8.8.8.8",
                           "172.15.0.1", "172.32.0.1", "192.167.0.1", "192.169.0.1", "100.63.0.1",
                           "100.128.0.1", "223.255.255.1", "2a00::1", "::2", "fec0::1"}) {
    INFO(text);
    CHECK_FALSE(ip(text).is_private());
  }
}

TEST_CASE("prefixes are read strictly") {
  CHECK(IpPrefix::parse("192.0.2.0/24")->to_string() == "192.0.2.0/24");
  CHECK(IpPrefix::parse("192.0.2.1")->to_string() == "192.0.2.1/32");
  CHECK(IpPrefix::parse("2001:db8::/32")->to_string() == "2001:db8::/32");
  CHECK(IpPrefix::parse("0.0.0.0/0")->length() == 0);
  CHECK(IpPrefix::parse("192.0.2.1/24").error().message ==
        "\"192.0.2.1/24\" has bits set beyond its length: did you mean 192.0.2.0/24?");
  CHECK(IpPrefix::parse("192.0.2.0/33").error().message ==
        "\"192.0.2.0/33\": the prefix length must be a number from 0 to 32");
  for (const char* bad :
       {"", "/24", "192.0.2.0/", "192.0.2.0/-1", "192.0.2/24", "::/129", "::/x"}) {
    INFO(bad);
    CHECK_FALSE(IpPrefix::parse(bad).has_value());
  }
}

TEST_CASE("a prefix contains its own family only, to the exact bit") {
  const IpPrefix v4(ip("192.0.2.129"), 25);
  CHECK(v4.to_string() == "192.0.2.128/25");
  CHECK(v4.contains(ip("192.0.2.128")));
  CHECK(v4.contains(ip("192.0.2.255")));
  CHECK_FALSE(v4.contains(ip("192.0.2.127")));
  CHECK_FALSE(v4.contains(ip("192.0.3.0")));

  const IpPrefix v6(ip("2001:db8:8000::1"), 33);
  CHECK(v6.to_string() == "2001:db8:8000::/33");
  CHECK(v6.contains(ip("2001:db8:ffff::")));
  CHECK_FALSE(v6.contains(ip("2001:db8:7fff::")));

  CHECK(IpPrefix(ip("::"), 0).contains(ip("2001:db8::1")));
  CHECK_FALSE(IpPrefix(ip("::"), 0).contains(ip("192.0.2.1")));
  CHECK(IpPrefix(ip("0.0.0.0"), 0).contains(ip("192.0.2.1")));
  CHECK_FALSE(IpPrefix(ip("0.0.0.0"), 0).contains(ip("2001:db8::1")));
  CHECK(IpPrefix(ip("::1"), 128).contains(ip("::1")));
}

TEST_CASE("the home network is a /24 or a /64") {
  CHECK(hf::home_network(ip("192.0.2.77")).to_string() == "192.0.2.0/24");
  CHECK(hf::home_network(ip("2001:db8:1:2:3:4:5:6")).to_string() == "2001:db8:1:2::/64");
}

TEST_CASE("endpoints survive text and sockaddr") {
  for (const char* text : {"192.0.2.1:25", "[2001:db8::1]:25", "[::]:0", "0.0.0.0:65535"}) {
    const auto endpoint = Endpoint::parse(text);
    REQUIRE(endpoint.has_value());
    CHECK(endpoint->to_string() == text);
    sockaddr_storage address;
    const socklen_t length = endpoint->to_sockaddr(address);
    CHECK(length == (endpoint->ip.is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)));
    CHECK(Endpoint::from_sockaddr(address) == *endpoint);
  }
  sockaddr_storage unix_address{};
  unix_address.ss_family = AF_UNIX;
  CHECK(Endpoint::from_sockaddr(unix_address) == Endpoint{});
  for (const char* bad : {"", "192.0.2.1", "192.0.2.1:", ":25", "192.0.2.1:65536", "2001:db8::1:25",
                          "[192.0.2.1]:25", "[::1]", "localhost:25", "192.0.2.1:smtp"}) {
    INFO(bad);
    CHECK_FALSE(Endpoint::parse(bad).has_value());
  }
}

TEST_CASE("the hash spreads neighbours over the low and the high bits") {
  std::unordered_set<size_t> whole, low, high;
  constexpr uint32_t kCount = 65'536;
  for (uint32_t i = 0; i < kCount; ++i) {
    const size_t hash = std::hash<IpAddress>{}(IpAddress::v4(0xc0000000 + (i << 8)));
    whole.insert(hash);
    low.insert(hash % kCount);
    high.insert(hash >> 48);
  }
  CHECK(whole.size() == kCount);
  // Of n balls thrown into n boxes 1 - 1/e of the boxes are hit.
  CHECK(low.size() > kCount * 60 / 100);
  CHECK(high.size() > kCount * 60 / 100);
}

TEST_CASE("prefixes that differ in length only hash apart") {
  const auto hash = std::hash<IpPrefix>{};
  CHECK(hash(IpPrefix(ip("10.0.0.0"), 8)) != hash(IpPrefix(ip("10.0.0.0"), 16)));
  CHECK(hash(IpPrefix(ip("10.0.0.0"), 8)) == hash(IpPrefix(ip("10.1.0.0"), 8)));
}
