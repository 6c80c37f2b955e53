// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/core/result.h"

namespace smtpgate {

/// Reads the address out of what follows MAIL or RCPT, such as "FROM:<a@example> SIZE=10"
/// (RFC 5321 §4.1.1.2 and §4.1.2). `keyword` is "FROM" or "TO".
///
/// Returns "local@domain" as it was written, without a source route; empty is the null sender. What
/// real servers take is taken: blanks after the colon, no angle brackets. Parameters, lengths and
/// the rest of the grammar are for the mail server to judge.
hf::Result<std::string> parse_path(std::string_view argument, std::string_view keyword);

/// "postmaster" in any case, with or without a domain: the recipient every host must take mail for
/// (RFC 5321 §4.5.1).
bool is_postmaster(std::string_view recipient);

}  // namespace smtpgate
