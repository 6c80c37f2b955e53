// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <optional>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/core/clock.h"
#include "base/core/text.h"
#include "base/net/loop.h"
#include "base/net/resolver.h"
#include "base/os/file.h"
#include "base/ui/table.h"
#include "smtpgate/cli/commands.h"
#include "smtpgate/spf/provider_nets.h"
#include "smtpgate/spf/provider_walk.h"

namespace smtpgate {
namespace {

/// What is kept of a provider; nullopt: it has not been looked up yet.
hf::Result<std::optional<ProviderNets>> kept(const std::string& path) {
  auto nets = load_provider_nets(path);
  if (!nets && nets.error().sys == ENOENT) return std::optional<ProviderNets>{};
  if (!nets) return hf::fail(std::move(nets).error());
  return std::move(*nets);
}

hf::Result<WalkedNets> look_up(const Config& config, const std::string& provider) {
  HF_TRY_ASSIGN(auto loop, hf::Loop::create());
  HF_TRY_ASSIGN(auto resolver,
                hf::make_cares_resolver(
                    *loop, {.servers = config.dns.servers,
                            .timeout_ms = static_cast<uint32_t>(config.dns.timeout.count())}));
  std::optional<hf::Result<WalkedNets>> walked;
  ProviderWalk walk(*resolver, provider, [&](hf::Result<WalkedNets> nets) {
    walked = std::move(nets);
  });
  walk.start();
  while (!walked) loop->run_once(100);
  return std::move(*walked);
}

/// Replaces what is kept by what the DNS says, unless that cannot be right.
hf::Result<void> refresh(const Config& config, const std::string& provider) {
  const std::string path = provider_file(config, provider);
  HF_TRY_ASSIGN(const WalkedNets walked, look_up(config, provider));
  // A damaged file is no measure for a new one.
  const auto old = kept(path);
  const auto before = old && *old ? (*old)->networks : std::vector<hf::IpPrefix>();
  HF_TRY(accept_refresh(before, walked.networks));
  HF_TRY(hf::make_directories(path.substr(0, path.rfind('/')), 0755));
  return save_provider_nets(path, {.provider = provider,
                                   .fetched = hf::system_clock().unix_seconds(),
                                   .networks = walked.networks});
}

}  // namespace

hf::Result<int> run_providers(const CommonOptions& common, bool refresh_first) {
  HF_TRY_ASSIGN(const Config config, config_or_defaults(common));
  int failures = 0;
  hf::Table table;
  for (const char* title : {"PROVIDER", "NETWORKS", "LOOKED UP", ""}) table.add_column(title);
  nlohmann::json out = nlohmann::json::array();
  for (const std::string& provider : config.grey.providers) {
    std::string trouble;
    if (refresh_first)
      if (auto fresh = refresh(config, provider); !fresh)
        trouble = "not refreshed: " + fresh.error().message;
    const auto nets = kept(provider_file(config, provider));
    if (!nets) trouble = nets.error().message;
    failures += !trouble.empty();
    const bool known = nets && *nets;
    out.push_back({{"provider", provider},
                   {"networks", known ? (*nets)->networks.size() : 0},
                   {"fetched", known ? (*nets)->fetched : 0},
                   {"trouble", trouble}});
    table.add_row({provider, known ? std::to_string((*nets)->networks.size()) : "-",
                   known ? hf::format_utc((*nets)->fetched) : "never", trouble});
  }
  fmt::print("{}\n", common.json ? out.dump(2) : table.render());
  return failures == 0 ? 0 : 1;
}

}  // namespace smtpgate
