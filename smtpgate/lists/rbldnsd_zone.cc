// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/lists/rbldnsd_zone.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/core/text.h"
#include "base/os/file.h"
#include "smtpgate/lists/rbldnsd_reader.h"

namespace smtpgate {
namespace {

constexpr std::pair<std::string_view, RbldnsdZone::Format> kFormats[] = {
    {"ip4set", RbldnsdZone::Format::kIp4Set},
    {"ip4trie", RbldnsdZone::Format::kIp4Trie},
    {"dnset", RbldnsdZone::Format::kDnset},
};

}  // namespace

struct RbldnsdZone::Data {
  ListValues values;
  RangeTable ranges;
  NameTable names;
  size_t entries = 0;

  /// `subject()`: what $ stands for in the text.
  std::optional<Listing> listing(std::span<const uint32_t> found, auto subject) const {
    if (found.empty()) return std::nullopt;
    Listing listing;
    for (const uint32_t value : found) {
      const hf::IpAddress answer = values.address(value);
      if (std::ranges::find(listing.answers, answer) == listing.answers.end())
        listing.answers.push_back(answer);
      if (listing.text.empty() && values.has_text(value))
        listing.text = values.text(value, subject());
    }
    return listing;
  }
};

RbldnsdZone::RbldnsdZone() : data_(std::make_unique<Data>()) {}
RbldnsdZone::RbldnsdZone(RbldnsdZone&&) noexcept = default;
RbldnsdZone& RbldnsdZone::operator=(RbldnsdZone&&) noexcept = default;
RbldnsdZone::~RbldnsdZone() = default;

hf::Result<RbldnsdZone::Format> RbldnsdZone::format_of(std::string_view name,
                                                       std::string_view path) {
  for (const auto& [known, format] : kFormats)
    if (name.empty() ? path.ends_with(known) : name == known) return format;
  if (name.empty())
    return hf::fail(
        fmt::format("{}: its name does not tell the format; set format to ip4set, "
                    "ip4trie or dnset",
                    path));
  return hf::fail(fmt::format("{}: format \"{}\" is not known; use ip4set, ip4trie or dnset", path,
                              hf::printable(name)));
}

hf::Result<RbldnsdZone> RbldnsdZone::parse(std::string_view text, Format format,
                                           std::string_view file_name) {
  HF_TRY_ASSIGN(RbldnsdContents contents, read_rbldnsd(text, format, file_name));
  RbldnsdZone zone;
  zone.data_->values = std::move(contents.values);
  zone.data_->ranges = RangeTable(std::move(contents.ranges));
  zone.data_->names = std::move(contents.names);
  zone.data_->entries = contents.entries;
  return zone;
}

hf::Result<RbldnsdZone> RbldnsdZone::load(const std::string& path, Format format) {
  HF_TRY_ASSIGN(const std::string text, hf::read_file(path));
  return parse(text, format, path);
}

std::optional<RbldnsdZone::Listing> RbldnsdZone::find(const hf::IpAddress& address) const {
  if (!address.is_v4()) return std::nullopt;
  return data_->listing(data_->ranges.find(address.v4_bits()), [&] { return address.to_string(); });
}

std::optional<RbldnsdZone::Listing> RbldnsdZone::find_name(std::string_view name) const {
  if (name.ends_with('.')) name.remove_suffix(1);
  const std::string lower = hf::to_lower(name);
  const auto match = data_->names.find(lower);
  return data_->listing(match.values, [&] { return match.name; });
}

size_t RbldnsdZone::size() const {
  return data_->entries;
}

size_t RbldnsdZone::memory_bytes() const {
  return data_->values.memory_bytes() + data_->ranges.memory_bytes() + data_->names.memory_bytes();
}

}  // namespace smtpgate
