// SPDX-License-Identifier: Apache-2.0
#include "base/ui/config_codec.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace hf {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// What a person wrote, short enough for an error.
std::string shown(const ConfigValue& found) {
  struct Show {
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return fmt::format("{}", value); }
    std::string operator()(const std::string& value) const {
      return "\"" + printable(value, 80) + "\"";
    }
    std::string operator()(const ConfigValue::Array&) const { return "a list"; }
    std::string operator()(const ConfigValue::Table&) const { return "a table"; }
  };
  return std::visit(Show{}, found.value);
}

/// nullopt where the value is no duration at all.
std::optional<milliseconds> read_duration(const ConfigValue& value) {
  constexpr double kMostSeconds = 1e9;  // beyond any limit, far from overflow
  if (const auto* text = std::get_if<std::string>(&value.value)) {
    auto out = parse_duration(*text);
    return out ? std::optional(*out) : std::nullopt;
  }
  double count = 0;
  if (const auto* whole = std::get_if<int64_t>(&value.value))
    count = static_cast<double>(*whole);
  else if (const auto* fraction = std::get_if<double>(&value.value))
    count = *fraction;
  else
    return std::nullopt;
  if (!(std::abs(count) <= kMostSeconds)) return std::nullopt;
  return milliseconds(std::llround(count * 1000));
}

/// A duration in whole Units.
template <class Unit>
Codec<Unit> duration_in(Unit min, Unit max) {
  const std::string type =
      fmt::format("duration from {} to {}", format_duration(min), format_duration(max));
  return {type,
          [type, min, max](const ConfigValue& value) -> Result<Unit> {
            const auto read = read_duration(value);
            if (!read || *read < min || *read > max || *read % Unit(1) != milliseconds(0))
              return fail(expected(type, value));
            return std::chrono::duration_cast<Unit>(*read);
          },
          [](const Unit& value) { return toml_quote(format_duration(value)); }};
}

/// A string of which every character passes `fits`.
template <class Fits>
Codec<std::string> text_of(std::string type, bool may_be_empty, Fits fits) {
  return {type,
          [type, may_be_empty, fits](const ConfigValue& value) -> Result<std::string> {
            const auto* text = std::get_if<std::string>(&value.value);
            if (text == nullptr || (text->empty() ? !may_be_empty : !fits(*text)))
              return fail(expected(type, value));
            return *text;
          },
          [](const std::string& value) { return value.empty() ? "" : toml_quote(value); }};
}

}  // namespace

Error expected(std::string_view type, const ConfigValue& found) {
  return Error{fmt::format("expected {}, not {}", type, shown(found))};
}

Codec<bool> boolean() {
  return {"true or false",
          [](const ConfigValue& value) -> Result<bool> {
            if (const auto* read = std::get_if<bool>(&value.value)) return *read;
            return fail(expected("true or false", value));
          },
          [](const bool& value) { return std::string(value ? "true" : "false"); }};
}

Codec<int64_t> integer(int64_t min, int64_t max) {
  const std::string type = fmt::format("integer from {} to {}", min, max);
  return {type,
          [type, min, max](const ConfigValue& value) -> Result<int64_t> {
            const auto* read = std::get_if<int64_t>(&value.value);
            if (read == nullptr || *read < min || *read > max) return fail(expected(type, value));
            return *read;
          },
          [](const int64_t& value) { return std::to_string(value); }};
}

Codec<milliseconds> duration(milliseconds min, milliseconds max) {
  return duration_in(min, max);
}
Codec<seconds> whole_seconds(seconds min, seconds max) {
  return duration_in(min, max);
}

Codec<Rate> rate() {
  return parsed<Rate>("rate such as \"30/min\"", parse_rate, format_rate);
}

Codec<std::string> word(std::string type, bool may_be_empty) {
  return text_of(std::move(type), may_be_empty, [](const std::string& text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  });
}

Codec<std::string> absolute_path(bool may_be_empty) {
  return text_of("absolute path", may_be_empty, [](const std::string& text) {
    return text.front() == '/' && text.find('\0') == std::string::npos;
  });
}

const ConfigValue* find_value(const ConfigValue::Table& table, std::string_view key) {
  const auto found = std::ranges::find(table, key, &ConfigValue::Entry::key);
  return found == table.end() ? nullptr : &found->value;
}

}  // namespace hf
