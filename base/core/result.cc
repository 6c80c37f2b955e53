// SPDX-License-Identifier: Apache-2.0
#include "base/core/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

namespace hf {

Error Error::within(std::string_view context) && {
  return {fmt::format("{}: {}", context, message), sys};
}

Error sys_error(std::string_view what) { return sys_error(what, errno); }

Error sys_error(std::string_view what, int errno_value) {
  return {fmt::format("{}: {}", what, std::generic_category().message(errno_value)), errno_value};
}

void check_failed(const char* condition, std::string_view message, std::source_location where) {
  std::fprintf(stderr, "%s:%u: bug: %.*s (%s)\n", where.file_name(), where.line(),
               static_cast<int>(message.size()), message.data(), condition);
  std::abort();
}

}  // namespace hf
