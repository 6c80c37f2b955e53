// SPDX-License-Identifier: Apache-2.0
#include "base/net/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/core/result.h"
#include "base/core/text.h"

namespace hf {

namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr int kMappedBits = 96;

uint64_t word_at(const std::array<uint8_t, 16>& bytes, size_t offset) {
  uint64_t word;
  std::memcpy(&word, bytes.data() + offset, sizeof word);
  return word;
}

// A multiply carries low bits up only; folding the upper half of the 128-bit product back takes the
// high ones down, so that every bit of the word reaches every bit of the hash.
uint64_t multiply_folded(uint64_t word, uint64_t odd) {
  const auto product = static_cast<unsigned __int128>(word) * odd;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

size_t mix(uint64_t a, uint64_t b) {
  return multiply_folded(multiply_folded(a, 0x9e3779b97f4a7c15) ^ b, 0xbf58476d1ce4e5b9);
}

// Length in the 128-bit space that both families share.
int mapped_length(const IpPrefix& prefix) {
  return prefix.is_v4() ? prefix.length() + kMappedBits : prefix.length();
}

bool is_one_of(const IpAddress& address, const auto& blocks) {
  return std::ranges::any_of(blocks,
                             [&](const IpPrefix& block) { return block.contains(address); });
}

IpPrefix v4_block(uint8_t a, uint8_t b, int length) {
  return {IpAddress::v4(uint32_t{a} << 24 | uint32_t{b} << 16), length};
}

IpPrefix v6_block(uint8_t a, uint8_t b, int length) {
  return {IpAddress::v6({a, b}), length};
}

}  // namespace

IpAddress IpAddress::v4(uint32_t host_order) {
  std::array<uint8_t, 16> bytes;
  const uint32_t network_order = htonl(host_order);
  std::ranges::copy(kMappedPrefix, bytes.begin());
  std::memcpy(bytes.data() + kMappedPrefix.size(), &network_order, sizeof network_order);
  return IpAddress(bytes);
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated || text.find('\0') != text.npos) return std::nullopt;
  terminated[text.copy(terminated, sizeof terminated - 1)] = '\0';
  in_addr v4_address;
  if (::inet_pton(AF_INET, terminated, &v4_address) == 1) return v4(ntohl(v4_address.s_addr));
  std::array<uint8_t, 16> bytes;
  if (::inet_pton(AF_INET6, terminated, bytes.data()) == 1) return v6(bytes);
  return std::nullopt;
}

bool IpAddress::is_v4() const {
  return std::memcmp(bytes_.data(), kMappedPrefix.data(), kMappedPrefix.size()) == 0;
}

uint32_t IpAddress::v4_bits() const {
  uint32_t network_order;
  std::memcpy(&network_order, bytes_.data() + kMappedPrefix.size(), sizeof network_order);
  return ntohl(network_order);
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN];
  if (is_v4())
    ::inet_ntop(AF_INET, bytes_.data() + kMappedPrefix.size(), text, sizeof text);
  else
    ::inet_ntop(AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

bool IpAddress::is_private() const {
  static const std::array kV4Blocks = {
      v4_block(0, 0, 8),       // "this network", RFC 1122
      v4_block(10, 0, 8),      // RFC 1918
      v4_block(100, 64, 10),   // carrier-grade NAT, RFC 6598
      v4_block(127, 0, 8),     // loopback
      v4_block(169, 254, 16),  // link local
      v4_block(172, 16, 12),   // RFC 1918
      v4_block(192, 168, 16),  // RFC 1918
      v4_block(224, 0, 3),     // multicast, reserved, broadcast
  };
  static const std::array kV6Blocks = {
      v6_block(0, 0, 127),       // unspecified; loopback
      v6_block(0xfc, 0, 7),      // unique local
      v6_block(0xfe, 0x80, 10),  // link local
      v6_block(0xff, 0, 8),      // multicast
  };
  return is_v4() ? is_one_of(*this, kV4Blocks) : is_one_of(*this, kV6Blocks);
}

IpPrefix::IpPrefix(const IpAddress& address, int length) : length_(length) {
  HF_CHECK(length >= 0 && length <= (address.is_v4() ? 32 : 128), "prefix length out of range");
  std::array<uint8_t, 16> bytes = address.bytes();
  int kept_bits = address.is_v4() ? length + kMappedBits : length;
  for (uint8_t& byte : bytes) {
    const int kept = std::clamp(kept_bits, 0, 8);
    byte &= static_cast<uint8_t>(0xff00 >> kept);
    kept_bits -= 8;
  }
  address_ = IpAddress::v6(bytes);
}

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  const size_t slash = std::min(text.find('/'), text.size());
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address)
    return fail(fmt::format("\"{}\" is not an IP address or CIDR block such as 192.0.2.0/24",
                            printable(text)));
  const int max_length = address->is_v4() ? 32 : 128;
  if (slash == text.size()) return IpPrefix(*address, max_length);
  const auto length = parse_int(text.substr(slash + 1), 0, max_length);
  if (!length)
    return fail(fmt::format("\"{}\": the prefix length must be a number from 0 to {}",
                            printable(text), max_length));
  const IpPrefix prefix(*address, static_cast<int>(*length));
  if (prefix.address() != *address)
    return fail(fmt::format("\"{}\" has bits set beyond its length: did you mean {}?",
                            printable(text), prefix.to_string()));
  return prefix;
}

bool IpPrefix::contains(const IpAddress& address) const {
  // IPv4 lives in the mapped block, but ::/0 and the like mean IPv6 only.
  if (address.is_v4() != is_v4()) return false;
  const int bits = mapped_length(*this);
  const auto whole = static_cast<size_t>(bits / 8);
  const auto &ours = address_.bytes(), &theirs = address.bytes();
  if (std::memcmp(ours.data(), theirs.data(), whole) != 0) return false;
  return bits % 8 == 0 || (ours[whole] ^ theirs[whole]) >> (8 - bits % 8) == 0;
}

std::string IpPrefix::to_string() const {
  return fmt::format("{}/{}", address_.to_string(), length_);
}

IpPrefix home_network(const IpAddress& address) {
  return {address, address.is_v4() ? 24 : 64};
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto ip = IpAddress::parse(host);
    const auto port = parse_int(text.substr(colon + 1), 0, 65'535);
    // Unbracketed IPv6 would leave unsaid where the address ends and the port begins.
    if (ip && port && bracketed == (host.find(':') != host.npos))
      return Endpoint{*ip, static_cast<uint16_t>(*port)};
  }
  return fail(
      fmt::format("\"{}\" is not an address with a port such as 192.0.2.1:25 or "
                  "[2001:db8::1]:25",
                  printable(text)));
}

Endpoint Endpoint::from_sockaddr(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return {IpAddress::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  }
  if (address.ss_family != AF_INET6) return {};
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  std::array<uint8_t, 16> bytes;
  std::ranges::copy(v6.sin6_addr.s6_addr, bytes.begin());
  return {IpAddress::v6(bytes), ntohs(v6.sin6_port)};
}

socklen_t Endpoint::to_sockaddr(sockaddr_storage& out) const {
  out = {};
  if (ip.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(ip.v4_bits());
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::ranges::copy(ip.bytes(), v6.sin6_addr.s6_addr);
  return sizeof v6;
}

std::string Endpoint::to_string() const {
  return fmt::format(fmt::runtime(ip.is_v4() ? "{}:{}" : "[{}]:{}"), ip.to_string(), port);
}

}  // namespace hf

size_t std::hash<hf::IpAddress>::operator()(const hf::IpAddress& address) const noexcept {
  return hf::mix(hf::word_at(address.bytes(), 0), hf::word_at(address.bytes(), 8));
}

size_t std::hash<hf::IpPrefix>::operator()(const hf::IpPrefix& prefix) const noexcept {
  const auto& bytes = prefix.address().bytes();
  return hf::mix(hf::word_at(bytes, 0) + static_cast<uint64_t>(prefix.length()),
                 hf::word_at(bytes, 8));
}
