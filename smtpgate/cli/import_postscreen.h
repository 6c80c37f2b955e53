// SPDX-License-Identifier: Apache-2.0
//
// Reads what postscreen(8) was told and says it in our words.
#pragma once

#include <string>
#include <vector>

#include "base/core/result.h"

namespace smtpgate {

struct PostscreenImport {
  std::string toml;                // a configuration in observe mode that parse_config() takes
  std::string allow, deny;         // contents of its two CIDR files; empty: it names none
  std::vector<std::string> notes;  // what was not carried over or means another thing here
};

/// `folder` is where the CIDR files will stand: an absolute path, as allow.cidr and deny.cidr.
/// Fails where main.cf cannot be read or nothing valid can be made of it.
hf::Result<PostscreenImport> import_postscreen(const std::string& main_cf_path,
                                               const std::string& folder);

}  // namespace smtpgate
