// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/spf/provider_nets.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/core/text.h"
#include "base/os/file.h"
#include "smtpgate/lists/lines.h"

namespace smtpgate {
namespace {

constexpr int kWidestV4 = 12, kWidestV6 = 32;
constexpr double kLeastShare = 0.5, kMostGrowth = 5;
constexpr size_t kMaxFileBytes = 1U << 20;
constexpr std::string_view kBetween = ", ";

/// The addresses of one family, IPv6 in /64.
double covered(std::span<const hf::IpPrefix> networks, bool v4) {
  double sum = 0;
  for (const hf::IpPrefix& network : disjoint_networks({networks.begin(), networks.end()}))
    if (network.is_v4() == v4) sum += std::ldexp(1.0, (v4 ? 32 : 64) - network.length());
  return sum;
}

hf::Result<void> check_networks(std::span<const hf::IpPrefix> networks) {
  if (networks.empty()) return hf::fail("the list of networks is empty");
  for (const hf::IpPrefix& network : networks) {
    const int widest = network.is_v4() ? kWidestV4 : kWidestV6;
    if (network.length() < widest)
      return hf::fail(fmt::format("network {} is wider than /{}", network.to_string(), widest));
  }
  return {};
}

/// Reads "# provider, 2026-11-21T08:00:00Z".
hf::Result<ProviderNets> parse_header(std::string_view line) {
  const size_t between = line.rfind(kBetween);
  if (line.starts_with("# ") && between != line.npos && between > 2) {
    const std::string_view provider = hf::trim(line.substr(2, between - 2));
    const auto fetched = hf::parse_utc(line.substr(between + kBetween.size()));
    if (!provider.empty() && fetched) return ProviderNets{std::string(provider), *fetched, {}};
  }
  return hf::fail(fmt::format(
      "\"{}\" is not a first line such as \"# provider, 2026-11-21T08:00:00Z\"; remove the file to "
      "have it fetched again",
      hf::printable(line)));
}

}  // namespace

std::vector<hf::IpPrefix> disjoint_networks(std::vector<hf::IpPrefix> networks) {
  // In this order a network comes before all that it contains, with no others between.
  std::ranges::sort(networks, {}, [](const hf::IpPrefix& network) {
    return std::pair(!network.is_v4(), network);
  });
  std::vector<hf::IpPrefix> disjoint;
  for (const hf::IpPrefix& network : networks)
    if (disjoint.empty() || !disjoint.back().contains(network.address()))
      disjoint.push_back(network);
  return disjoint;
}

hf::Result<void> accept_refresh(std::span<const hf::IpPrefix> old,
                                std::span<const hf::IpPrefix> fresh) {
  HF_TRY(check_networks(fresh));
  for (const bool v4 : {true, false}) {
    const double before = covered(old, v4), now = covered(fresh, v4);
    if (before == 0) continue;
    const std::string_view family = v4 ? "IPv4" : "IPv6";
    if (now < before * kLeastShare)
      return hf::fail(fmt::format("the {} networks shrank to {:.0f} % of what they covered", family,
                                  100 * now / before));
    if (now > before * kMostGrowth)
      return hf::fail(fmt::format("the {} networks grew to {:.1f} times of what they covered",
                                  family, now / before));
  }
  return {};
}

std::string format_provider_nets(const ProviderNets& nets) {
  std::string text =
      fmt::format("# {}{}{}\n", nets.provider, kBetween, hf::format_utc(nets.fetched));
  for (const hf::IpPrefix& network : nets.networks) text += network.to_string() + '\n';
  return text;
}

hf::Result<ProviderNets> parse_provider_nets(std::string_view text, const std::string& file_name) {
  std::string_view rest = text;
  auto nets = parse_header(take_line(rest));
  if (!nets) return hf::fail(std::move(nets).error().within(file_name + ":1"));
  if (!text.ends_with('\n'))
    return hf::fail(fmt::format(
        "{}: the last line has no end; remove the file to have it fetched again", file_name));
  HF_TRY_ASSIGN(const CidrList list, CidrList::parse(text, file_name));
  for (const CidrList::Entry& entry : list.entries()) nets->networks.push_back(entry.prefix);
  if (auto checked = check_networks(nets->networks); !checked)
    return hf::fail(std::move(checked).error().within(file_name));
  return nets;
}

hf::Result<void> save_provider_nets(const std::string& path, const ProviderNets& nets) {
  return hf::write_file_atomically(path, format_provider_nets(nets));
}

hf::Result<ProviderNets> load_provider_nets(const std::string& path) {
  HF_TRY_ASSIGN(const std::string text, hf::read_file(path, kMaxFileBytes));
  return parse_provider_nets(text, path);
}

ProviderTable::ProviderTable(std::span<const ProviderNets> providers) {
  std::string text;
  for (const ProviderNets& nets : providers)
    for (const hf::IpPrefix& network : nets.networks)
      text += CidrList::format({network, 0, nets.provider}) + '\n';
  auto list = CidrList::parse(text, "providers");
  HF_CHECK(list, "a list that CidrList wrote is not one that it reads");
  networks_ = std::move(*list);
}

std::string_view ProviderTable::find(const hf::IpAddress& address) const {
  const CidrList::Entry* const entry = networks_.find(address, 0);
  return entry == nullptr ? std::string_view() : entry->note;
}

}  // namespace smtpgate
