// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/connection.h"

namespace smtpgate {

ConnectionId::ConnectionId(int64_t unix_seconds, uint32_t worker, uint32_t serial) {
  // 35 bits of time, 6 of worker, 24 of serial: 65 bits, five a character.
  constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  auto put = [&](size_t from, size_t to, uint64_t value) {
    for (size_t i = to; i-- > from; value >>= 5) text_[i] = kDigits[value & 31];
  };
  put(0, 7, static_cast<uint64_t>(unix_seconds));
  put(7, 13, (uint64_t{worker & 63} << 24) | (serial & 0xffffff));
}

}  // namespace smtpgate
