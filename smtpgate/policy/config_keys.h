// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "base/ui/config.h"
#include "smtpgate/policy/config.h"

namespace smtpgate {

using ConfigKey = hf::ConfigKey<Config>;
using ListKey = hf::ConfigKey<ListConfig>;

/// The one table of what smtpgate.toml may say, by section.
const std::vector<ConfigKey>& config_keys();
/// … and of what each [[dnsbl]] table may say.
const std::vector<ListKey>& list_keys();

inline constexpr std::string_view kListSection = "dnsbl[]";

}  // namespace smtpgate
