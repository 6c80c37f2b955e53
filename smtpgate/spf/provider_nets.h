// SPDX-License-Identifier: Apache-2.0
//
// The networks that large providers send from, as their SPF records list them: kept in one small
// text file a provider, and asked which provider an address belongs to.
//
//   # google, 2026-11-21T08:00:00Z
//   35.190.247.0/24
//   2001:4860:4000::/36
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "base/net/ip.h"
#include "smtpgate/lists/cidr_list.h"

namespace smtpgate {

struct ProviderNets {
  std::string provider;  // one line of text, not empty
  int64_t fetched = 0;   // unix seconds
  std::vector<hf::IpPrefix> networks;
};

/// In order, each once, and none that another one contains.
std::vector<hf::IpPrefix> disjoint_networks(std::vector<hf::IpPrefix> networks);

/// Whether `fresh` may take the place of `old`, which is empty the first time. An error says why
/// not, and then `old` is the last good copy. Refused are a list that is empty, one with a network
/// wider than an IPv4 /12 or an IPv6 /32, and one that covers, in either family, less than half or
/// more than five times of what the old one covers there.
hf::Result<void> accept_refresh(std::span<const hf::IpPrefix> old,
                                std::span<const hf::IpPrefix> fresh);

/// The text of a provider's file.
std::string format_provider_nets(const ProviderNets& nets);
/// Reads it; an error names `file_name` and the line. A file that was cut short is an error, and
/// so are networks that accept_refresh() would not take into an empty list.
hf::Result<ProviderNets> parse_provider_nets(std::string_view text, const std::string& file_name);

hf::Result<void> save_provider_nets(const std::string& path, const ProviderNets& nets);
hf::Result<ProviderNets> load_provider_nets(const std::string& path);

/// Which provider an address belongs to.
class ProviderTable {
 public:
  ProviderTable() = default;
  explicit ProviderTable(std::span<const ProviderNets> providers);

  /// The provider with the longest matching network, empty if none; valid as long as the table.
  std::string_view find(const hf::IpAddress& address) const;

 private:
  CidrList networks_;  // the note is the provider
};

}  // namespace smtpgate
