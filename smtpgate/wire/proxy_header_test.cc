// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/proxy_header.h"

#include <string>
#include <utility>

#include <doctest/doctest.h>

namespace {

using namespace std::literals;
using hf::Endpoint;
using smtpgate::kProxyV1Limit;
using smtpgate::kProxyV2Limit;
using smtpgate::parse_proxy_header;
using smtpgate::ProxyHeader;

const Endpoint kClient4{hf::IpAddress::v4(0xc0000201), 4711};  // 192.0.2.1
const Endpoint kServer4{hf::IpAddress::v4(0xc6336401), 25};    // 198.51.100.1
const Endpoint kClient6{*hf::IpAddress::parse("2001:db8::1"), 65535};
const Endpoint kServer6{*hf::IpAddress::parse("2001:db8::25"), 25};

constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;

/// A version 2 header of these parts.
std::string v2(uint8_t command, uint8_t family, std::string_view body) {
  std::string out(kSignature);
  out += static_cast<char>(command);
  out += static_cast<char>(family);
  out += static_cast<char>(body.size() >> 8);
  out += static_cast<char>(body.size() & 0xff);
  out += body;
  return out;
}

/// Requires `header` to be read whole from the front of more bytes, and at no byte earlier.
ProxyHeader read_whole(const std::string& header) {
  for (size_t n = 0; n < header.size(); ++n) {
    const auto cut = parse_proxy_header(std::string_view(header).substr(0, n));
    CAPTURE(n);
    REQUIRE(cut);
    REQUIRE_FALSE(*cut);
  }
  const auto parsed = parse_proxy_header(header + "EHLO a\r\n");
  REQUIRE(parsed);
  REQUIRE(*parsed);
  CHECK((*parsed)->length == header.size());
  return **parsed;
}

bool refused(std::string_view bytes) {
  return !parse_proxy_header(bytes);
}

}  // namespace

TEST_CASE("version 1 is read and written") {
  CHECK(smtpgate::make_proxy_v1(kClient4, kServer4) ==
        "PROXY TCP4 192.0.2.1 198.51.100.1 4711 25\r\n");
  CHECK(smtpgate::make_proxy_v1(kClient6, kServer6) ==
        "PROXY TCP6 2001:db8::1 2001:db8::25 65535 25\r\n");
  for (const auto& [source, destination] : {std::pair(kClient4, kServer4), {kClient6, kServer6}}) {
    const ProxyHeader header = read_whole(smtpgate::make_proxy_v1(source, destination));
    CHECK_FALSE(header.local);
    CHECK(header.source == source);
    CHECK(header.destination == destination);
  }
}

TEST_CASE("version 2 is read and written") {
  const std::string four = smtpgate::make_proxy_v2(kClient4, kServer4);
  CHECK(four == v2(0x21, 0x11, "\xc0\0\x02\x01\xc6\x33\x64\x01\x12\x67\0\x19"sv));
  for (const auto& [source, destination] : {std::pair(kClient4, kServer4), {kClient6, kServer6}}) {
    const ProxyHeader header = read_whole(smtpgate::make_proxy_v2(source, destination));
    CHECK_FALSE(header.local);
    CHECK(header.source == source);
    CHECK(header.destination == destination);
  }
}

TEST_CASE("mixed families go as IPv6 and come back as what they were") {
  CHECK(smtpgate::make_proxy_v1(kClient4, kServer6) ==
        "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::25 4711 25\r\n");
  for (const std::string& header :
       {smtpgate::make_proxy_v1(kClient4, kServer6), smtpgate::make_proxy_v2(kClient4, kServer6)}) {
    const ProxyHeader read = read_whole(header);
    CHECK(read.source == kClient4);
    CHECK(read.source.ip.is_v4());
    CHECK(read.destination == kServer6);
  }
}

TEST_CASE("health checks have no client behind them") {
  CHECK(read_whole(smtpgate::make_proxy_v1_unknown()).local);
  CHECK(read_whole("PROXY UNKNOWN ffff::1 whatever follows\r\n").local);
  CHECK(read_whole(smtpgate::make_proxy_v2_local()).local);
  CHECK(read_whole(v2(0x20, 0x11, "\x01\x02\x03\x04\x05\x06\x07\x08\0\x01\0\x02"sv)).local);
  CHECK(read_whole(v2(0x21, 0x00, "")).local);  // a client of which the balancer knows nothing
}

TEST_CASE("TLVs are passed over") {
  const auto addresses = "\xc0\0\x02\x01\xc6\x33\x64\x01\x12\x67\0\x19"sv;
  const ProxyHeader header = read_whole(v2(0x21, 0x11,
                                           std::string(addresses) + "\x05\0\x03"
                                                                    "abc"s));
  CHECK(header.source == kClient4);
  CHECK(header.destination == kServer4);
}

TEST_CASE("version 1 is read strictly") {
  for (const std::string_view bad : {
           "PROXY  TCP4 192.0.2.1 198.51.100.1 4711 25\r\n"sv,
           "PROXY TCP4 192.0.2.1  198.51.100.1 4711 25\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.1 4711 25 \r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.1 4711\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.1 4711 25\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.1 04711 25\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.1 4711 025\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.1 4711 00\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.1 65536 25\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.1 -1 25\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.1 +1 25\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.1 0x10 25\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.1  25\r\n"sv,
           "PROXY TCP4 192.0.2.01 198.51.100.1 4711 25\r\n"sv,
           "PROXY TCP4 192.0.2 198.51.100.1 4711 25\r\n"sv,
           "PROXY TCP4 192.0.2.256 198.51.100.1 4711 25\r\n"sv,
           "PROXY TCP4 2001:db8::1 2001:db8::25 4711 25\r\n"sv,
           "PROXY TCP6 192.0.2.1 198.51.100.1 4711 25\r\n"sv,
           "PROXY TCP6 2001:db8::1%eth0 2001:db8::25 4711 25\r\n"sv,
           "PROXY TCP6 [2001:db8::1] 2001:db8::25 4711 25\r\n"sv,
           "PROXY TCP4 192.0.2.1\0 198.51.100.1 4711 25\r\n"sv,
           "PROXY tcp4 192.0.2.1 198.51.100.1 4711 25\r\n"sv,
           "PROXY UDP4 192.0.2.1 198.51.100.1 4711 25\r\n"sv,
           "PROXY UNKNOWNS\r\n"sv,
           "PROXY \r\n"sv,
           "PROXY \n"sv,
           "proxy TCP4 192.0.2.1 198.51.100.1 4711 25\r\n"sv,
           "PROXIES"sv,
           "EHLO a\r\n"sv,
           "\x16\x03\x01"sv,
       }) {
    CAPTURE(bad);
    CHECK(refused(bad));
  }
}

TEST_CASE("version 1 may have 107 bytes and no more") {
  std::string longest = "PROXY UNKNOWN ";
  longest.append(kProxyV1Limit - longest.size() - 2, 'x').append("\r\n");
  CHECK(read_whole(longest).length == kProxyV1Limit);
  longest.insert(20, "x");
  CHECK(refused(longest));
  CHECK_FALSE(refused("PROXY " + std::string(kProxyV1Limit - 7, 'x')));
  CHECK(refused("PROXY " + std::string(kProxyV1Limit - 6, 'x')));
}

TEST_CASE("version 2 is read strictly") {
  const auto body = "\xc0\0\x02\x01\xc6\x33\x64\x01\x12\x67\0\x19"sv;
  CHECK(refused(v2(0x11, 0x11, body)));                   // version 1 in a version 2 header
  CHECK(refused(v2(0x22, 0x11, body)));                   // an unknown command
  CHECK(refused(v2(0x21, 0x12, body)));                   // UDP
  CHECK(refused(v2(0x21, 0x31, std::string(216, 'x'))));  // a unix socket
  CHECK(refused(v2(0x21, 0x11, body.substr(1))));         // shorter than its addresses
  CHECK(refused(v2(0x21, 0x21, body)));                   // IPv4's length for IPv6
  std::string wrong = v2(0x21, 0x11, body);
  wrong[11] = '\r';
  CHECK(refused(wrong));
}

TEST_CASE("version 2 may have 216 bytes after its fixed part and no more") {
  CHECK(read_whole(v2(0x21, 0x11, std::string(216, 'x'))).length == kProxyV2Limit);
  // Refused by its length alone, before the bytes have come.
  CHECK(refused(v2(0x21, 0x11, std::string(217, 'x')).substr(0, 16)));
  CHECK(refused(v2(0x20, 0x00, std::string(65535, 'x')).substr(0, 16)));
}
