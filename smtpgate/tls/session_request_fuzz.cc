// SPDX-License-Identifier: Apache-2.0
// Any bytes as a control message and as the facts of a handshake.
#include <algorithm>
#include <cstdint>

#include "smtpgate/tls/session_request.h"

using namespace smtpgate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto id = parse_session_message(bytes)) {
    HF_CHECK(id->size() == kSessionIdSize, "an id of another length");
    HF_CHECK(std::ranges::none_of(*id, [](char c) { return c <= ' ' || c >= 0x7f; }),
             "an id that would break a line of the log");
  }
  if (size < kTlsFactsSize) return 0;
  const auto record = bytes.first<kTlsFactsSize>();
  if (const auto facts = parse_tls_facts(record))
    HF_CHECK(std::ranges::equal(encode(*facts), record), "facts changed their bytes");
  return 0;
}
