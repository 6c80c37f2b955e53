// SPDX-License-Identifier: Apache-2.0
//
// Configuration as one table: each key has a section, a type, a default, limits and a help text,
// and a place in the program's own struct. The table drives parsing, errors, help and dumps.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/core/result.h"

namespace hf {

/// A parsed TOML value with the line it stands on.
struct ConfigValue {
  struct Entry;
  using Array = std::vector<ConfigValue>;
  using Table = std::vector<Entry>;  // in file order
  std::variant<bool, int64_t, double, std::string, Array, Table> value;
  int line = 0;
};
struct ConfigValue::Entry {
  std::string key;
  ConfigValue value;
};

/// Parses TOML; the result is always a table. Errors name `file_name`, line and column. Text over
/// 32 KiB and values nested more than 16 deep are refused.
Result<ConfigValue> parse_toml(std::string_view text, std::string_view file_name);

/// One key of the table. `read` checks a value and stores it, its error saying what is expected
/// ("a duration such as \"6s\", at least 100ms"); `write` gives the current value as TOML.
template <class Config>
struct ConfigKey {
  std::string_view section;  // "limits"; "dnsbl[]" for the tables of an array
  std::string_view name;
  std::string type;  // with its limits: "integer from 1 to 100000"
  std::string_view help;
  std::function<Result<void>(const ConfigValue&, Config&)> read;
  std::function<std::string(const Config&)> write;
  /// What of the value only a restart can change; empty: a reload takes all of it.
  std::function<std::string(const Config&)> fixed;
};

/// "file:line: message", without the line where it is 0.
Error config_error(std::string_view file_name, int line, std::string_view message);
/// The error for a key that no table knows, with the nearest known one; without a `section`, for a
/// section that does not exist.
Error unknown_key(std::string_view file_name, int line, std::string_view section,
                  std::string_view key, const std::vector<std::string_view>& known);

/// A string as a TOML basic string.
std::string toml_quote(std::string_view text);

}  // namespace hf
