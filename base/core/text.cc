// SPDX-License-Identifier: Apache-2.0
#include "base/core/text.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>

#include <fmt/format.h>

namespace hf {

namespace {

constexpr std::string_view kBlanks = " \t\r\n\v\f";

// Locale and signedness of char have no say in what a protocol calls a letter.
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

struct Unit {
  std::string_view name;
  int64_t ms;
};

// The names that format_* writes come first for each length of time.
constexpr Unit kUnits[] = {
    {"d", 86'400'000}, {"h", 3'600'000},   {"min", 60'000},     {"s", 1000},         {"ms", 1},
    {"m", 60'000},     {"w", 604'800'000}, {"day", 86'400'000}, {"hour", 3'600'000},
};

std::optional<int64_t> unit_ms(std::string_view name) {
  for (const Unit& unit : kUnits)
    if (unit.name == name) return unit.ms;
  return std::nullopt;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> fields;
  for (;;) {
    const size_t end = text.find(separator);
    fields.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return fields;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> split_blanks(std::string_view text) {
  std::vector<std::string_view> fields;
  for (size_t begin = 0;;) {
    begin = text.find_first_not_of(" \t", begin);
    if (begin == std::string_view::npos) return fields;
    const size_t end = std::min(text.find_first_of(" \t", begin), text.size());
    fields.push_back(text.substr(begin, end - begin));
    begin = end;
  }
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower);
  return result;
}

std::optional<int64_t> parse_int(std::string_view text, int64_t min, int64_t max) {
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < min || value > max) return std::nullopt;
  return value;
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto unit = digits == text.size() ? 1000 : unit_ms(text.substr(digits));
  if (digits == 0 || !unit)
    return fail(
        fmt::format("\"{}\" is not a duration: write a number and one of ms, s, min, h, d, "
                    "w, such as 250ms or 36d",
                    printable(text)));
  const int64_t limit = std::numeric_limits<int64_t>::max() / *unit;
  const auto count = parse_int(text.substr(0, digits), 0, limit);
  if (!count) return fail(fmt::format("\"{}\" is too long a duration", printable(text)));
  return std::chrono::milliseconds(*count * *unit);
}

std::string format_duration(std::chrono::milliseconds duration) {
  const int64_t ms = duration.count();
  if (ms == 0) return "0s";
  const Unit& unit = *std::ranges::find_if(kUnits, [&](const Unit& u) { return ms % u.ms == 0; });
  return fmt::format("{}{}", ms / unit.ms, unit.name);
}

std::string humane_duration(std::chrono::seconds duration) {
  constexpr std::string_view kNames[] = {"d", "h", "min", "s"};
  const int64_t s = std::max<int64_t>(duration.count(), 0);
  const int64_t counts[] = {s / 86'400, s / 3600 % 24, s / 60 % 60, s % 60};
  size_t largest = 0;
  while (largest < 3 && counts[largest] == 0) ++largest;
  std::string text = fmt::format("{} {}", counts[largest], kNames[largest]);
  if (largest < 3 && counts[largest + 1] > 0)
    text += fmt::format(" {} {}", counts[largest + 1], kNames[largest + 1]);
  return text;
}

Result<Rate> parse_rate(std::string_view text) {
  const size_t slash = std::min(text.find('/'), text.size());
  const auto count = parse_int(text.substr(0, slash), 0, std::numeric_limits<uint32_t>::max());
  const std::string_view period = text.substr(std::min(slash + 1, text.size()));
  auto ms = unit_ms(period);
  if (!ms) {
    if (const auto duration = parse_duration(period)) ms = duration->count();
  }
  if (!count || !ms || *ms == 0 || *ms % 1000 != 0)
    return fail(
        fmt::format("\"{}\" is not a rate: write a number, a slash and a period of whole "
                    "seconds, such as 5/s, 30/min, 100/h or 250000/day",
                    printable(text)));
  return Rate{static_cast<uint32_t>(*count), std::chrono::seconds(*ms / 1000)};
}

std::string format_rate(const Rate& rate) {
  const std::string period = format_duration(rate.period);
  if (period == "1d") return fmt::format("{}/day", rate.count);
  // "1min" is said "min", but of "10min" the number stays.
  const bool one = period[0] == '1' && (period[1] < '0' || period[1] > '9');
  return fmt::format("{}/{}", rate.count, std::string_view(period).substr(one ? 1 : 0));
}

std::string format_utc(int64_t unix_seconds) {
  using namespace std::chrono;
  const sys_seconds time{seconds(unix_seconds)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::optional<int64_t> parse_utc(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != kShape.size()) return std::nullopt;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == 'd' ? !digit : text[i] != kShape[i]) return std::nullopt;
  }
  const auto number = [&](size_t at, size_t length, int64_t max) {
    return parse_int(text.substr(at, length), 0, max);
  };
  const auto hour = number(11, 2, 23), minute = number(14, 2, 59), second = number(17, 2, 59);
  const year_month_day date(year(static_cast<int>(*number(0, 4, 9999))),
                            month(static_cast<unsigned>(*number(5, 2, 99))),
                            day(static_cast<unsigned>(*number(8, 2, 99))));
  if (!date.ok() || !hour || !minute || !second) return std::nullopt;
  const auto midnight = duration_cast<seconds>(sys_days(date).time_since_epoch()).count();
  return midnight + *hour * 3600 + *minute * 60 + *second;
}

namespace {

// Levenshtein's distance, a row of the table at a time.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
  std::optional<std::string_view> best;
  // A third of the word wrong is a slip (two letters exchanged count as two); more is another word.
  size_t best_distance = std::max<size_t>(word.size() / 3, 2) + 1;
  for (const std::string_view candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance || distance >= candidate.size()) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

std::string printable(std::string_view bytes, size_t limit) {
  std::string text;
  for (const char c : bytes) {
    const bool plain = c >= ' ' && c <= '~';
    if (text.size() + (plain ? 1 : 4) > limit) return text + "...";
    if (plain)
      text += c;
    else
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return text;
}

}  // namespace hf
