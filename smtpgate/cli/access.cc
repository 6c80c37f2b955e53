// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/core.h>

#include "base/core/clock.h"
#include "base/core/text.h"
#include "base/os/file.h"
#include "smtpgate/cli/commands.h"
#include "smtpgate/gate/control.h"
#include "smtpgate/lists/cidr_list.h"

namespace smtpgate {
namespace {

/// The lines of `text` but those whose block is `prefix`; comments stay.
std::string without(std::string_view text, const hf::IpPrefix& prefix) {
  std::string out;
  for (std::string_view line : hf::split(text, '\n')) {
    const auto fields = hf::split_blanks(line.substr(0, line.find('#')));
    const auto block = fields.empty() ? hf::Result<hf::IpPrefix>(hf::fail(""))
                                      : hf::IpPrefix::parse(fields[0]);
    if (block && *block == prefix) continue;
    out += line;
    out += '\n';
  }
  // The split gave an empty last line for the final newline.
  while (out.ends_with("\n\n")) out.pop_back();
  return out == "\n" ? "" : out;
}

hf::Result<int> change(const CommonOptions& common, const AccessOptions& options,
                       const std::vector<std::string>& files, std::string_view key) {
  if (files.empty())
    return hf::fail(fmt::format("no file to write to: name one as [access] {} in {}", key,
                                common.config_path));
  CidrList::Entry entry;
  HF_TRY_ASSIGN(entry.prefix, hf::IpPrefix::parse(options.prefix));
  if (!options.duration.empty()) {
    HF_TRY_ASSIGN(const auto duration, hf::parse_duration(options.duration));
    entry.until = hf::system_clock().unix_seconds() + duration.count() / 1000;
  }
  // A line break in the note would be a line of the list.
  entry.note = hf::printable(options.note, 200);

  const std::string& path = files.front();
  auto text = hf::read_file(path);
  if (!text && text.error().sys != ENOENT) return hf::fail(std::move(text).error());
  const std::string before = text.value_or("");
  std::string after = without(before, entry.prefix);
  if (!options.remove) after += CidrList::format(entry) + "\n";
  HF_TRY(CidrList::parse(after, path));
  HF_TRY(hf::write_file_atomically(path, after));
  fmt::print("{}: {} {}\n", path, entry.prefix.to_string(),
             options.remove ? "removed" : entry.until ? "added until " + hf::format_utc(entry.until)
                                                      : "added");
  return 0;
}

}  // namespace

hf::Result<int> run_allow(const CommonOptions& common, const AccessOptions& options) {
  HF_TRY_ASSIGN(const Config config, load_config(common.config_path));
  return change(common, options, config.access.allow, "allow");
}

hf::Result<int> run_deny(const CommonOptions& common, const AccessOptions& options) {
  HF_TRY_ASSIGN(const Config config, load_config(common.config_path));
  return change(common, options, config.access.deny, "deny");
}

hf::Result<int> run_forget(const CommonOptions& common, const std::string& address) {
  HF_TRY_ASSIGN(const Config config, config_or_defaults(common));
  const auto client = hf::IpAddress::parse(address);
  if (!client) return hf::fail(fmt::format("\"{}\" is no address", hf::printable(address)));
  HF_TRY_ASSIGN(auto store, HistoryStore::open(config.history.path, HistoryStore::Mode::kReadWrite,
                                               static_cast<uint64_t>(config.history.max)));
  const HistoryKey key = HistoryKey::of(*client);
  HF_TRY_ASSIGN(const bool existed, store.erase(key));
  // The greylist is the daemon's while one runs.
  const auto grey = ask_daemon(config.history.path, "grey-forget " + client->to_string());
  const bool was_grey = grey && *grey != "0";
  fmt::print("{}: {}\n", key.to_string(), existed || was_grey ? "forgotten" : "was not known");
  return existed || was_grey ? 0 : 1;
}

}  // namespace smtpgate
