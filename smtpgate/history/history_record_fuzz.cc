// SPDX-License-Identifier: Apache-2.0
// What a damaged or foreign store could hold, read as a key and as a record.
#include <cstdint>
#include <string_view>

#include "base/core/result.h"
#include "smtpgate/history/record.h"

using namespace smtpgate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto record = decode_record(bytes)) {
    const auto again = encode(*record);
    HF_CHECK(std::string_view(again.data(), again.size()) == bytes, "a record changed its bytes");
    HF_CHECK(record->refusals() <= kFaults * 0xffff, "more refusals than can be counted");
  }
  if (const auto key = HistoryKey::decode(bytes)) {
    HF_CHECK(key->view() == bytes, "a key changed its bytes");
    HF_CHECK(!key->to_string().empty(), "a client without a name");
  }
  return 0;
}
