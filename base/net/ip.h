// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/core/result.h"

namespace hf {

/// An IPv4 or IPv6 address. IPv4 is kept in mapped form (::ffff:a.b.c.d) and a mapped address is
/// always IPv4, so that one address has one value.
class IpAddress {
 public:
  IpAddress() = default;  // the unspecified IPv6 address ::
  static IpAddress v4(uint32_t host_order);
  static IpAddress v6(const std::array<uint8_t, 16>& bytes) { return IpAddress(bytes); }
  /// Dotted quad or RFC 4291 text, no zone id, no brackets.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const;
  uint32_t v4_bits() const;  // host order; only for is_v4()
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  std::string to_string() const;

  /// Loopback, RFC 1918, link local, unique local, CGNAT, unspecified, multicast, documentation
  /// excluded: addresses that no public list knows, so that none is ever asked about them.
  bool is_private() const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  explicit IpAddress(const std::array<uint8_t, 16>& bytes) : bytes_(bytes) {}
  std::array<uint8_t, 16> bytes_{};
};

/// A CIDR block. Bits beyond the length are zero.
class IpPrefix {
 public:
  IpPrefix() = default;
  /// `length` counts in the address's own family: 0..32 or 0..128. Host bits are cleared.
  IpPrefix(const IpAddress& address, int length);
  /// "192.0.2.0/24", "2001:db8::/32", or a bare address; host bits set are an error.
  static Result<IpPrefix> parse(std::string_view text);

  bool contains(const IpAddress& address) const;
  const IpAddress& address() const { return address_; }
  int length() const { return length_; }
  bool is_v4() const { return address_.is_v4(); }
  std::string to_string() const;

  auto operator<=>(const IpPrefix&) const = default;

 private:
  IpAddress address_;
  int length_ = 0;
};

/// The network that limits and history take as one client: the IPv4 /24 or the IPv6 /64.
IpPrefix home_network(const IpAddress& address);

/// An address with a port.
struct Endpoint {
  IpAddress ip;
  uint16_t port = 0;

  /// "192.0.2.1:25", "[2001:db8::1]:25".
  static Result<Endpoint> parse(std::string_view text);
  static Endpoint from_sockaddr(const sockaddr_storage& address);
  /// Fills `out` for the address's family and returns the length to give to the kernel.
  socklen_t to_sockaddr(sockaddr_storage& out) const;
  std::string to_string() const;
  auto operator<=>(const Endpoint&) const = default;
};

}  // namespace hf

template <>
struct std::hash<hf::IpAddress> {
  size_t operator()(const hf::IpAddress& address) const noexcept;
};
template <>
struct std::hash<hf::IpPrefix> {
  size_t operator()(const hf::IpPrefix& prefix) const noexcept;
};
