// SPDX-License-Identifier: Apache-2.0
//
// What a client is known by in the greylist. One mail may be offered again from another address of
// the same sender, so the address itself is too narrow an identity.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/net/ip.h"

namespace smtpgate {

/// The identities of a client, the widest trustworthy one first:
///   "spf:DOMAIN"  the sender's domain, for which SPF said pass (RFC 7208)
///   "ptr:DOMAIN"  the registered domain of its confirmed name, unless the name encodes the address
///   "net:PREFIX"  its IPv4 /24 or IPv6 /64, always
/// `name`: its reverse name that resolves back to it, or empty. `spf_domain`: empty if not passed.
std::vector<std::string> scopes_of(const hf::IpAddress& client, std::string_view name,
                                   std::string_view spf_domain);

/// The narrowest of them: "net:192.0.2.0/24", "net:2001:db8::/64".
std::string network_scope(const hf::IpAddress& client);

/// The domain under which `name` was registered, by the public suffix list; empty if there is none
/// (a public suffix itself, or no host name).
std::string registered_domain(std::string_view name);

/// Whether `name` was made from `client`'s address, as access providers name their customers'
/// lines: such a name says nothing of who is there.
bool name_encodes_address(std::string_view name, const hf::IpAddress& client);

}  // namespace smtpgate
