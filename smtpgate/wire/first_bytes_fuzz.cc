// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/first_bytes.h"

#include "base/core/result.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smtpgate;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const FirstBytes kind = classify_first_bytes(bytes);
  HF_CHECK(!name_of(kind).empty(), "every class has a name");
  HF_CHECK((kind == FirstBytes::kNothing) == bytes.empty(), "any byte is something");
  HF_CHECK(classify_first_bytes(bytes.substr(0, 64)) == kind, "later bytes do not count");
  return 0;
}
