// SPDX-License-Identifier: Apache-2.0
//
// One form for the envelope addresses that a sender varies from try to try.
#pragma once

#include <string>
#include <string_view>

namespace smtpgate {

/// `mail_from` as the greylist compares it: lower case; without the tag of BATV (prvs=TAG=local),
/// which is new every day; SRS turned back into the address it was made from; the tail that VERP
/// and extensions add cut off; runs of digits made one '#'. The null sender is "<>".
/// Total: any bytes give some form, of at most the input's length (and at least 2).
std::string normalise_sender(std::string_view mail_from);

/// Lower case, without an extension after '+'.
std::string normalise_recipient(std::string_view rcpt_to);

}  // namespace smtpgate
