// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace hellomark {

/// "1.39 ms", "820 us", "2.1 s": three digits, the unit that fits.
std::string format_seconds(double seconds);
/// "12 KiB", "1.36 MiB".
std::string format_bytes(double bytes);
/// "±0.8 %"; "" if it is not known.
std::string format_uncertainty(double part);

}  // namespace hellomark
