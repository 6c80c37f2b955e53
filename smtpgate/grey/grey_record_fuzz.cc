// SPDX-License-Identifier: Apache-2.0
// What a damaged or foreign store could hold, read as a record.
#include <cstdint>
#include <string_view>

#include "base/core/result.h"
#include "smtpgate/grey/record.h"

using namespace smtpgate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto record = decode_grey_record(bytes)) {
    const auto again = encode(*record);
    HF_CHECK(std::string_view(again.data(), again.size()) == bytes, "a record changed its bytes");
    HF_CHECK(name_of(record->kind).size() == 3, "a scope of no kind");
  }
  return 0;
}
