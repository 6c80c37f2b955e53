// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/proxy_header.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "base/core/text.h"

namespace smtpgate {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kV1Start = "PROXY "sv;
constexpr std::string_view kV2Signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr size_t kV2FixedSize = 16;

// Byte 13 of version 2 is version and command, byte 14 is family and transport.
constexpr uint8_t kV2Local = 0x20, kV2Proxy = 0x21;
constexpr uint8_t kUnspecified = 0x00, kTcpOverV4 = 0x11, kTcpOverV6 = 0x21;

using Parsed = hf::Result<std::optional<ProxyHeader>>;

tl::unexpected<hf::Error> refuse(std::string_view why) {
  return hf::fail(fmt::format("no valid PROXY header: {}", why));
}

uint16_t big_endian(std::string_view bytes) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[0]) << 8 |
                               static_cast<uint8_t>(bytes[1]));
}

void append_port(std::string& out, uint16_t port) {
  out += static_cast<char>(port >> 8);
  out += static_cast<char>(port & 0xff);
}

std::optional<hf::IpAddress> parse_ip(std::string_view text, bool v6) {
  if (v6 != (text.find(':') != text.npos)) return std::nullopt;
  return hf::IpAddress::parse(text);  // which takes no leading zeros in dotted quads
}

std::optional<uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0') ||
      text.find_first_not_of("0123456789") != text.npos)
    return std::nullopt;
  const auto port = hf::parse_int(text, 0, 65535);
  if (!port) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

Parsed parse_v1(std::string_view bytes) {
  const size_t lf = bytes.substr(0, kProxyV1Limit).find('\n');
  if (lf == bytes.npos) {
    if (bytes.size() >= kProxyV1Limit) return refuse("the line is longer than 107 bytes");
    return std::nullopt;
  }
  if (bytes[lf - 1] != '\r') return refuse("the line ends in LF without CR");

  ProxyHeader header;
  header.length = lf + 1;
  const auto fields = hf::split(bytes.substr(0, lf - 1), ' ');
  if (fields[1] == "UNKNOWN") {
    header.local = true;
    return header;
  }
  if (fields.size() != 6 || (fields[1] != "TCP4" && fields[1] != "TCP6"))
    return refuse("expected \"PROXY TCP4|TCP6 source destination port port\"");
  const bool v6 = fields[1] == "TCP6";
  const auto source = parse_ip(fields[2], v6), destination = parse_ip(fields[3], v6);
  if (!source || !destination) return refuse("an address is none of its family");
  const auto source_port = parse_port(fields[4]), destination_port = parse_port(fields[5]);
  if (!source_port || !destination_port) return refuse("a port is no number from 0 to 65535");
  header.source = {*source, *source_port};
  header.destination = {*destination, *destination_port};
  return header;
}

hf::IpAddress read_ip(std::string_view bytes, bool v6) {
  std::array<uint8_t, 16> v6_bytes{};
  if (!v6)
    return hf::IpAddress::v4(uint32_t{big_endian(bytes)} << 16 | big_endian(bytes.substr(2)));
  std::copy_n(bytes.begin(), v6_bytes.size(), v6_bytes.begin());
  return hf::IpAddress::v6(v6_bytes);
}

Parsed parse_v2(std::string_view bytes) {
  if (bytes.size() < kV2FixedSize) return std::nullopt;
  const auto command = static_cast<uint8_t>(bytes[12]);
  const auto family = static_cast<uint8_t>(bytes[13]);
  const size_t size = big_endian(bytes.substr(14));
  if (command != kV2Local && command != kV2Proxy) return refuse("unknown version or command");
  if (kV2FixedSize + size > kProxyV2Limit) return refuse("it is longer than 232 bytes");

  ProxyHeader header;
  header.length = kV2FixedSize + size;
  header.local = command == kV2Local || family == kUnspecified;
  const bool v6 = family == kTcpOverV6;
  const size_t ip_size = v6 ? 16 : 4;
  if (!header.local) {
    if (!v6 && family != kTcpOverV4) return refuse("the client's protocol is not TCP");
    if (size < 2 * ip_size + 4) return refuse("too short for its addresses");
  }
  if (bytes.size() < header.length) return std::nullopt;
  if (header.local) return header;
  // What follows the addresses are TLVs, which tell nothing that we need.
  const std::string_view body = bytes.substr(kV2FixedSize);
  header.source = {read_ip(body, v6), big_endian(body.substr(2 * ip_size))};
  header.destination = {read_ip(body.substr(ip_size), v6),
                        big_endian(body.substr(2 * ip_size + 2))};
  return header;
}

/// An address in the text of the family that both ends of a header share.
std::string text_of(const hf::IpAddress& ip, bool v6) {
  return (v6 && ip.is_v4() ? "::ffff:" : "") + ip.to_string();
}

void append_ip(std::string& out, const hf::IpAddress& ip, bool v6) {
  const auto& bytes = ip.bytes();  // an IPv4 address is its last four
  out.append(bytes.begin() + (v6 ? 0 : 12), bytes.end());
}

std::string v2_start(uint8_t command, uint8_t family, uint16_t size) {
  std::string out(kV2Signature);
  out += static_cast<char>(command);
  out += static_cast<char>(family);
  append_port(out, size);
  return out;
}

bool either_is_v6(const hf::Endpoint& a, const hf::Endpoint& b) {
  return !a.ip.is_v4() || !b.ip.is_v4();
}

}  // namespace

Parsed parse_proxy_header(std::string_view bytes) {
  if (bytes.starts_with(kV1Start)) return parse_v1(bytes);
  if (bytes.starts_with(kV2Signature)) return parse_v2(bytes);
  if (kV1Start.starts_with(bytes) || kV2Signature.starts_with(bytes)) return std::nullopt;
  return refuse("neither \"PROXY \" nor the signature of version 2");
}

std::string make_proxy_v1(const hf::Endpoint& source, const hf::Endpoint& destination) {
  const bool v6 = either_is_v6(source, destination);
  return fmt::format("PROXY {} {} {} {} {}\r\n", v6 ? "TCP6" : "TCP4", text_of(source.ip, v6),
                     text_of(destination.ip, v6), source.port, destination.port);
}

std::string make_proxy_v2(const hf::Endpoint& source, const hf::Endpoint& destination) {
  const bool v6 = either_is_v6(source, destination);
  std::string out = v2_start(kV2Proxy, v6 ? kTcpOverV6 : kTcpOverV4, v6 ? 36 : 12);
  append_ip(out, source.ip, v6);
  append_ip(out, destination.ip, v6);
  append_port(out, source.port);
  append_port(out, destination.port);
  return out;
}

std::string make_proxy_v1_unknown() {
  return "PROXY UNKNOWN\r\n";
}
std::string make_proxy_v2_local() {
  return v2_start(kV2Local, kUnspecified, 0);
}

}  // namespace smtpgate
