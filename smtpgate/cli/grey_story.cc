// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/cli/grey_story.h"

#include <cerrno>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/core/text.h"

namespace smtpgate {

std::string state_of(const GreyEntry& entry) {
  if (entry.known) return "known";
  if (entry.passed == 0) return "waiting";
  return fmt::format("let in after {}",
                     hf::humane_duration(std::chrono::seconds(entry.passed - entry.first)));
}

nlohmann::json to_json(const GreyEntry& entry) {
  nlohmann::json out{{"kind", entry.known ? "sender" : "mail"},
                     {"by", name_of(entry.kind)},
                     {"client", fmt::format("{:016x}", entry.client)},
                     {"first", entry.first},
                     {"last", entry.last},
                     {"state", state_of(entry)}};
  if (!entry.known) {
    out["mail"] = fmt::format("{:016x}", entry.mail);
    out["tries"] = entry.tries;
    out["passed"] = entry.passed;
  }
  return out;
}

hf::Result<GreyStory> grey_story(const std::string& folder, const hf::IpAddress& client) {
  auto reader = GreyReader::open(folder);
  if (!reader && reader.error().sys == ENOENT) return GreyStory{};
  if (!reader) return hf::fail(std::move(reader).error());
  return reader->story(client);
}

std::string tell(const GreyStory& story) {
  std::string out;
  for (const GreyEntry& mail : story.mails)
    out += fmt::format("  {:<14} {}, first tried {}, last {}, {} {}\n", "greylisted", state_of(mail),
                       hf::format_utc(mail.first), hf::format_utc(mail.last), mail.tries,
                       mail.tries == 1 ? "try" : "tries");
  for (const GreyEntry& scope : story.known)
    out += fmt::format("  {:<14} by its {} since {}, last used {}\n", "known sender",
                       scope.kind == GreyScopeKind::kNet   ? "network"
                       : scope.kind == GreyScopeKind::kPtr ? "reverse name"
                                                           : "SPF domain",
                       hf::format_utc(scope.first), hf::format_utc(scope.last));
  return out;
}

}  // namespace smtpgate
