// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "smtpgate/wire/smtp_line.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  smtpgate::SmtpReplyReader whole, piecemeal;
  const auto taken = whole.feed(bytes);

  bool failed = false;
  for (size_t i = 0; i < size && !piecemeal.complete() && !failed; ++i)
    failed = !piecemeal.feed(bytes.substr(i, 1));
  HF_CHECK(failed == !taken, "how the bytes are cut does not matter");
  if (!taken) return 0;
  HF_CHECK(*taken <= size && whole.raw() == bytes.substr(0, *taken), "raw is what was taken");
  HF_CHECK(whole.complete() == piecemeal.complete() && whole.raw() == piecemeal.raw(),
           "how the bytes are cut does not matter");
  if (!whole.complete()) {
    HF_CHECK(*taken == size, "an open reply takes all");
    return 0;
  }
  HF_CHECK(whole.code() >= 200 && whole.code() < 600, "a code of SMTP");
  HF_CHECK(whole.text() == piecemeal.text() && whole.raw().ends_with("\r\n"), "a whole last line");
  return 0;
}
