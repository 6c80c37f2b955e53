// SPDX-License-Identifier: Apache-2.0
//
// The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt), both directions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/core/result.h"
#include "base/net/ip.h"

namespace smtpgate {

/// Longest headers taken: version 1 is 107 bytes by the specification; version 2 is 16 bytes and
/// at most 216 bytes of addresses and TLVs.
inline constexpr size_t kProxyV1Limit = 107;
inline constexpr size_t kProxyV2Limit = 16 + 216;

struct ProxyHeader {
  bool local = false;  // a balancer's own health check (v2 LOCAL, v1 UNKNOWN): no client behind it
  hf::Endpoint source;
  hf::Endpoint destination;
  size_t length = 0;   // bytes of input that the header takes
};

/// Reads a header from the start of `bytes`. nullopt: more bytes are needed; an error: this is no
/// valid header and never will be.
hf::Result<std::optional<ProxyHeader>> parse_proxy_header(std::string_view bytes);

/// Headers for a backend. IPv4-mapped addresses are sent as IPv4; mixed families as IPv6.
std::string make_proxy_v1(const hf::Endpoint& source, const hf::Endpoint& destination);
std::string make_proxy_v2(const hf::Endpoint& source, const hf::Endpoint& destination);
/// Headers for our own health checks: "PROXY UNKNOWN" and LOCAL.
std::string make_proxy_v1_unknown();
std::string make_proxy_v2_local();

}  // namespace smtpgate
