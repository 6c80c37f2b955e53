// SPDX-License-Identifier: Apache-2.0
//
// What no key can check alone: how keys relate, and what a list must say of itself.
#pragma once

#include <string_view>

#include "base/core/result.h"
#include "base/ui/config.h"
#include "smtpgate/policy/config.h"

namespace smtpgate {

/// `sections` is the file that `config` was read from; it gives errors their lines.
hf::Result<void> check_config(const Config& config, const hf::ConfigValue::Table& sections,
                              std::string_view file_name);
/// The error has no place; whoever read the list knows it.
hf::Result<void> check_list(const ListConfig& list);

}  // namespace smtpgate
