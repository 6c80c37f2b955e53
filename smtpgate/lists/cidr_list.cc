// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/lists/cidr_list.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/core/text.h"
#include "base/os/file.h"
#include "smtpgate/lists/lines.h"

namespace smtpgate {
namespace {

constexpr std::string_view kUntil = "until=";

hf::Result<std::optional<CidrList::Entry>> parse_line(std::string_view line) {
  const size_t hash = std::min(line.find('#'), line.size());
  const auto words = hf::split_blanks(hf::trim(line.substr(0, hash)));
  if (words.empty()) return std::optional<CidrList::Entry>();
  CidrList::Entry entry;
  HF_TRY_ASSIGN(entry.prefix, hf::IpPrefix::parse(words[0]));
  for (size_t i = 1; i < words.size(); ++i) {
    const auto until =
        words[i].starts_with(kUntil) ? hf::parse_utc(words[i].substr(kUntil.size())) : std::nullopt;
    if (!until || *until <= 0)  // 0 would mean for ever
      return hf::fail(
          fmt::format("\"{}\" is not understood: after the block may come "
                      "until=2026-12-01T00:00:00Z and then a # comment",
                      hf::printable(words[i])));
    entry.until = *until;
  }
  if (hash < line.size()) entry.note = hf::trim(line.substr(hash + 1));
  return entry;
}

}  // namespace

hf::Result<CidrList> CidrList::parse(std::string_view text, std::string_view file_name) {
  CidrList list;
  size_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    auto entry = parse_line(take_line(text));
    if (!entry)
      return hf::fail(
          std::move(entry).error().within(fmt::format("{}:{}", file_name, line_number)));
    if (!*entry) continue;
    const hf::IpPrefix& prefix = (*entry)->prefix;
    ByNetwork& networks = (prefix.is_v4() ? list.v4_ : list.v6_)[prefix.length()];
    const auto next = static_cast<uint32_t>(list.entries_.size());
    const auto [place, is_new] = networks.try_emplace(prefix.address(), next);
    if (is_new)
      list.entries_.push_back(std::move(**entry));
    else
      list.entries_[place->second] = std::move(**entry);
  }
  return list;
}

hf::Result<CidrList> CidrList::load(const std::string& path) {
  HF_TRY_ASSIGN(const std::string text, hf::read_file(path));
  return parse(text, path);
}

const CidrList::Entry* CidrList::find(const hf::IpAddress& address, int64_t now) const {
  for (const auto& [length, networks] : address.is_v4() ? v4_ : v6_) {
    const auto place = networks.find(hf::IpPrefix(address, length).address());
    if (place == networks.end()) continue;
    const Entry& entry = entries_[place->second];
    if (entry.until == 0 || now <= entry.until) return &entry;
  }
  return nullptr;
}

std::string CidrList::format(const Entry& entry) {
  std::string line = entry.prefix.to_string();
  if (entry.until != 0) line += fmt::format("  {}{}", kUntil, hf::format_utc(entry.until));
  if (!entry.note.empty()) line += "  # " + entry.note;
  // A note is free text; a line end in it must not begin an entry.
  std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line;
}

}  // namespace smtpgate
