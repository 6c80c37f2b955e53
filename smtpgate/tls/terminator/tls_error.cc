// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/tls/terminator/tls_error.h"

#include <cstring>

#include <openssl/err.h>

namespace smtpgate {

std::string tls_error() {
  // The first error is the cause, later ones say where it was noticed.
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "unknown error" : reason;
}

}  // namespace smtpgate
