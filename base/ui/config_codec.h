// SPDX-License-Identifier: Apache-2.0
//
// The types that configuration keys have: each is told to people, read and written in one place.
// A key is then a codec, a place in the program's struct, and a sentence.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/core/result.h"
#include "base/core/text.h"
#include "base/ui/config.h"

namespace hf {

template <class T>
struct Codec {
  std::string type;                                   // "integer from 1 to 100"
  std::function<Result<T>(const ConfigValue&)> read;  // the error says what is expected
  std::function<std::string(const T&)> write;         // as TOML; empty: the key is left out
};

/// "expected TYPE, not FOUND".
Error expected(std::string_view type, const ConfigValue& found);

Codec<bool> boolean();
Codec<int64_t> integer(int64_t min, int64_t max);
/// A string for parse_duration() or a number of seconds.
Codec<std::chrono::milliseconds> duration(std::chrono::milliseconds min,
                                          std::chrono::milliseconds max);
Codec<std::chrono::seconds> whole_seconds(std::chrono::seconds min, std::chrono::seconds max);
Codec<Rate> rate();
/// Printable ASCII without blanks, fit for one field of a log line or a reply. An unset one is not
/// written; `may_be_empty` lets "" say unset.
Codec<std::string> word(std::string type, bool may_be_empty = false);
/// The path of a file or folder: absolute, so that it means the same wherever the program starts.
Codec<std::string> absolute_path(bool may_be_empty = false);

/// A string that `parse` reads, with errors of its own, and `format` writes.
template <class T, class Parse, class Format>
Codec<T> parsed(std::string type, Parse parse, Format format) {
  return {type,
          [type, parse](const ConfigValue& value) -> Result<T> {
            const auto* text = std::get_if<std::string>(&value.value);
            if (text == nullptr) return fail(expected(type, value));
            return parse(*text);
          },
          [format](const T& value) { return toml_quote(format(value)); }};
}

/// One of a few words.
template <class T>
Codec<T> choice(std::vector<std::pair<std::string_view, T>> words) {
  std::string type;
  for (const auto& [word, value] : words) {
    if (!type.empty()) type += word == words.back().first ? " or " : ", ";
    type += toml_quote(word);
  }
  return {type,
          [type, words](const ConfigValue& value) -> Result<T> {
            const auto* text = std::get_if<std::string>(&value.value);
            for (const auto& [word, meaning] : words)
              if (text != nullptr && *text == word) return meaning;
            return fail(expected(type, value));
          },
          [words](const T& value) {
            for (const auto& [word, meaning] : words)
              if (meaning == value) return toml_quote(word);
            return std::string();
          }};
}

/// A list of at most `max` items; a single one may stand without brackets.
template <class T>
Codec<std::vector<T>> list_of(std::string type, Codec<T> item, size_t max) {
  return {type,
          [type, item, max](const ConfigValue& value) -> Result<std::vector<T>> {
            const auto* array = std::get_if<ConfigValue::Array>(&value.value);
            if (array != nullptr && array->size() > max)
              return fail("expected at most " + std::to_string(max) + " items, not " +
                          std::to_string(array->size()));
            std::vector<T> out;
            for (const ConfigValue& each : array ? *array : ConfigValue::Array{value}) {
              HF_TRY_ASSIGN(T read, item.read(each));
              out.push_back(std::move(read));
            }
            return out;
          },
          [item](const std::vector<T>& values) {
            std::string out;
            for (const T& value : values) out += (out.empty() ? "" : ", ") + item.write(value);
            return "[" + out + "]";
          }};
}

/// A row of the table. `at` gives the key's place: `[](auto& c) -> auto& { return c.x; }`.
template <class Config, class T, class At>
ConfigKey<Config> config_key(std::string_view section, std::string_view name, Codec<T> codec, At at,
                             std::string_view help) {
  return {section,
          name,
          codec.type,
          help,
          [codec, at](const ConfigValue& value, Config& config) -> Result<void> {
            HF_TRY_ASSIGN(at(config), codec.read(value));
            return {};
          },
          [codec, at](const Config& config) { return codec.write(at(config)); },
          nullptr};
}

/// The value of `key` in `table`, or nullptr.
const ConfigValue* find_value(const ConfigValue::Table& table, std::string_view key);

/// Reads one table of the file into `out`, in the order of `keys`; keys of other sections are
/// passed over. `section` is "limits", or "dnsbl[]" for one table of an array.
template <class Config>
Result<void> read_section(const ConfigValue::Table& table, std::string_view section,
                          const std::vector<ConfigKey<Config>>& keys, Config& out,
                          std::string_view file_name) {
  const bool array = section.ends_with("[]");
  const std::string_view shown = section.substr(0, section.size() - (array ? 2 : 0));
  std::vector<std::string_view> known;
  for (const auto& key : keys)
    if (key.section == section) known.push_back(key.name);
  for (const auto& [name, value] : table)
    if (std::ranges::find(known, name) == known.end())
      return fail(unknown_key(file_name, value.line, shown, name, known));
  for (const auto& key : keys) {
    const ConfigValue* value = key.section == section ? find_value(table, key.name) : nullptr;
    if (value == nullptr) continue;
    if (auto read = key.read(*value, out); !read)
      return fail(config_error(
          file_name, value->line,
          "[" + std::string(shown) + "] " + std::string(key.name) + ": " + read.error().message));
  }
  return {};
}

}  // namespace hf
