// SPDX-License-Identifier: Apache-2.0
//
// The one log of the process, from any thread. Until open_log() it is stderr at level info.
//
// A line waits in a buffer for at most a second, and not at all from level warn on; the buffer is
// looked at when a line comes in, so a daemon calls flush_log() each second. What the file or pipe
// cannot take is kept up to a limit and then dropped and counted: logging never blocks, throws or
// ends the process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/core/result.h"
#include "base/os/fd.h"

namespace hf {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };

/// Logs to `file`, appending, or to stderr if it is empty; may be called again. `level` is the
/// least that is logged: debug, info, warn or error. Also ignores SIGPIPE in the whole process.
/// On stderr, lines begin with journald's "<6>" if the journal reads it, else with the time.
Result<void> open_log(const std::string& file, std::string_view level);
/// The same for a file that is open already, for processes that may open none.
Result<void> log_to(Fd file, std::string_view level);
/// Opens the named file afresh after it was moved away; keeps the old one if that fails.
void reopen_log();
void flush_log();

bool log_enabled(LogLevel level);
void log_write(LogLevel level, std::string_view text);
/// Level info, without time and level: for records with a format of their own.
void log_connection(std::string_view line);

template <class... Args>
void log_formatted(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(level)) log_write(level, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_formatted<Args...>(LogLevel::kDebug, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_formatted<Args...>(LogLevel::kInfo, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log_formatted<Args...>(LogLevel::kWarn, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_formatted<Args...>(LogLevel::kError, format, std::forward<Args>(args)...);
}

}  // namespace hf
