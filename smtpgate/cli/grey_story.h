// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "smtpgate/grey/reader.h"

namespace smtpgate {

/// "waiting", "let in after 75 s", "known".
std::string state_of(const GreyEntry& entry);
nlohmann::json to_json(const GreyEntry& entry);

/// What the greylist in `folder` knows of a client; empty where there is no greylist.
hf::Result<GreyStory> grey_story(const std::string& folder, const hf::IpAddress& client);
/// The same for a person, a line each; empty if nothing is known.
std::string tell(const GreyStory& story);

}  // namespace smtpgate
