// SPDX-License-Identifier: Apache-2.0
#include "hellomark/report/format.h"

#include <array>
#include <cmath>

#include <fmt/core.h>

namespace hellomark {
namespace {

/// Three significant digits, never an exponent.
std::string three_digits(double value) {
  const double size = std::abs(value);
  return fmt::format("{:.{}f}", value, size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
}

}  // namespace

std::string format_seconds(double seconds) {
  if (seconds == 0) return "0";
  constexpr std::array kUnits{"s", "ms", "µs", "ns"};
  size_t unit = 0;
  while (unit + 1 < kUnits.size() && std::abs(seconds) < 0.9995) {
    seconds *= 1000;
    ++unit;
  }
  return fmt::format("{} {}", three_digits(seconds), kUnits[unit]);
}

std::string format_bytes(double bytes) {
  constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB"};
  double value = bytes / 1024;
  size_t unit = 0;
  while (unit + 1 < kUnits.size() && value >= 999.5) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} KiB", value)
                   : fmt::format("{} {}", three_digits(value), kUnits[unit]);
}

std::string format_uncertainty(double part) {
  if (!std::isfinite(part)) return {};
  return fmt::format("±{:.{}f} %", 100 * part, part < 0.0995 ? 1 : 0);
}

}  // namespace hellomark
