// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "smtpgate/wire/smtp_path.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto path = smtpgate::parse_path(text, "FROM")) {
    if (path->size() > size || path->find('\n') != path->npos) __builtin_trap();
    // What was read is read again from a clean spelling.
    const auto again = smtpgate::parse_path("FROM:<" + *path + ">", "FROM");
    if (!path->starts_with('@') && (!again || *again != *path)) __builtin_trap();
    static_cast<void>(smtpgate::is_postmaster(*path));
  }
  return 0;
}
