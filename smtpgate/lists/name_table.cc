// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/lists/name_table.h"

#include <algorithm>
#include <utility>

#include "base/core/result.h"
#include "smtpgate/lists/range_table.h"

namespace smtpgate {

void NameTable::add(std::string_view name, bool is_wildcard, uint32_t value) {
  HF_CHECK(name.size() <= kLongestName && names_.size() <= UINT32_MAX - kLongestName,
           "names beyond what the table can number");
  entries_.push_back({static_cast<uint32_t>(names_.size()), static_cast<uint8_t>(name.size()),
                      is_wildcard, value});
  names_ += name;
}

void NameTable::seal() {
  std::ranges::stable_sort(entries_, {}, [this](const Entry& entry) {
    return std::pair(entry.is_wildcard, name_of(entry));
  });
  entries_.shrink_to_fit();
  names_.shrink_to_fit();
}

NameTable::Match NameTable::find(std::string_view name) const {
  for (bool is_wildcard = false;; is_wildcard = true) {
    const auto same = std::ranges::equal_range(
        entries_, std::pair(is_wildcard, name), {},
        [this](const Entry& entry) { return std::pair(entry.is_wildcard, name_of(entry)); });
    if (!same.empty()) {
      if (std::ranges::find(same, kExclusion, &Entry::value) != same.end()) return {};
      Match match{name_of(same.front()), {}};
      for (const Entry& entry : same) match.values.push_back(entry.value);
      return match;
    }
    const size_t dot = name.find('.');
    if (dot == name.npos) return {};
    name.remove_prefix(dot + 1);
  }
}

size_t NameTable::memory_bytes() const {
  return names_.capacity() + entries_.capacity() * sizeof(Entry);
}

}  // namespace smtpgate
