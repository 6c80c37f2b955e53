// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/spf/domain_name.h"

#include <algorithm>

#include "base/core/text.h"

namespace smtpgate {

bool is_domain_name(std::string_view name) {
  if (name.size() > kMaxDomainOctets) return false;
  if (std::ranges::any_of(name, [](char c) { return c < ' ' || c > '~' || c == '\\'; }))
    return false;
  return std::ranges::all_of(hf::split(name, '.'), [](std::string_view label) {
    return !label.empty() && label.size() <= 63;
  });
}

bool is_multi_label_name(std::string_view name) {
  return is_domain_name(name) && name.find('.') != name.npos;
}

bool is_within_domain(std::string_view name, std::string_view domain) {
  if (!name.ends_with(domain)) return false;
  return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
}

}  // namespace smtpgate
