// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/core/clock.h"
#include "base/core/text.h"
#include "base/ui/table.h"
#include "smtpgate/cli/commands.h"
#include "smtpgate/cli/grey_story.h"
#include "smtpgate/gate/control.h"
#include "smtpgate/grey/greylist.h"
#include "smtpgate/grey/reader.h"

namespace smtpgate {
namespace {

hf::Result<int> list(const CommonOptions& common, const Config& config) {
  HF_TRY_ASSIGN(const GreyReader reader, GreyReader::open(config.history.path));
  hf::Table table;
  for (const char* title : {"WHAT", "BY", "CLIENT", "MAIL", "FIRST", "LAST"})
    table.add_column(title);
  table.add_column("TRIES", hf::Table::Align::kRight);
  table.add_column("STATE");
  nlohmann::json entries = nlohmann::json::array();
  HF_TRY(reader.for_each([&](const GreyEntry& entry) {
    if (common.json)
      entries.push_back(to_json(entry));
    else
      table.add_row({entry.known ? "sender" : "mail", std::string(name_of(entry.kind)),
                     fmt::format("{:016x}", entry.client),
                     entry.known ? "-" : fmt::format("{:016x}", entry.mail),
                     hf::format_utc(entry.first), hf::format_utc(entry.last),
                     entry.known ? "-" : std::to_string(entry.tries), state_of(entry)});
    return true;
  }));
  fmt::print("{}\n", common.json ? entries.dump(2) : table.render());
  return 0;
}

/// Without a daemon nobody else writes.
hf::Result<uint64_t> flush_file(const Config& config) {
  HF_TRY_ASSIGN(Greylist greylist,
                Greylist::open(config.history.path, {}, hf::system_clock()));
  return greylist.flush();
}

hf::Result<int> flush(const Config& config) {
  auto answer = ask_daemon(config.history.path, "grey-flush");
  const int sys = answer ? 0 : answer.error().sys;
  if (sys == ENOENT || sys == ECONNREFUSED) {
    HF_TRY_ASSIGN(const uint64_t flushed, flush_file(config));
    answer = std::to_string(flushed);
  }
  if (!answer) return hf::fail(std::move(answer).error());
  fmt::print("{} entries of mails that were to come back are forgotten\n", *answer);
  return 0;
}

}  // namespace

hf::Result<int> run_grey(const CommonOptions& common, const std::string& action) {
  HF_TRY_ASSIGN(const Config config, config_or_defaults(common));
  return action == "flush" ? flush(config) : list(common, config);
}

}  // namespace smtpgate
