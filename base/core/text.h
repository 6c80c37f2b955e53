// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"

namespace hf {

std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
/// Runs of blanks and tabs separate; no empty fields.
std::vector<std::string_view> split_blanks(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);
std::string to_lower(std::string_view text);

/// The whole of `text` as a decimal number within [min, max]; nothing else is accepted.
std::optional<int64_t> parse_int(std::string_view text, int64_t min, int64_t max);

/// "250ms", "6s", "10min" or "10m", "2h", "36d", "2w"; a bare number is seconds.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// What parse_duration reads back, in the largest unit that is exact: "1500ms", "10min", "36d".
std::string format_duration(std::chrono::milliseconds duration);
/// For people: "3 d 4 h", "12 min", "6 s"; the two largest units at most.
std::string humane_duration(std::chrono::seconds duration);

/// "30/min", "5/s", "250000/day": events per period.
struct Rate {
  uint32_t count = 0;
  std::chrono::seconds period{1};
  bool operator==(const Rate&) const = default;
};
Result<Rate> parse_rate(std::string_view text);
std::string format_rate(const Rate& rate);

/// "2026-11-21T08:00:00Z".
std::string format_utc(int64_t unix_seconds);
/// Reads what format_utc writes; nullopt for anything else.
std::optional<int64_t> parse_utc(std::string_view text);

/// The candidate nearest to `word` by edit distance, if near enough to be a slip of typing.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

/// Bytes from outside made fit for one line of a log: printable ASCII stays, all else becomes
/// \xNN, and what exceeds `limit` output characters is cut and marked with "...".
std::string printable(std::string_view bytes, size_t limit = 64);

}  // namespace hf
