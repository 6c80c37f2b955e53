// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace smtpgate {

inline constexpr size_t kMaxDomainOctets = 253;  // in text form, without the final dot

/// Whether the DNS can be asked about `name`, given without a final dot: labels of 1 to 63 octets,
/// 253 in all (RFC 1035 §2.3.4). Printable ASCII only, and no backslash: a resolver would take it
/// for an escape, and so for another name.
bool is_domain_name(std::string_view name);

/// A domain name of two labels or more, as SPF wants one (RFC 7208 §4.3).
bool is_multi_label_name(std::string_view name);

/// Whether `name` is `domain` or below it. Both in lower case.
bool is_within_domain(std::string_view name, std::string_view domain);

}  // namespace smtpgate
