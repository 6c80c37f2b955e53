// SPDX-License-Identifier: Apache-2.0
#include "base/ui/config.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/core/text.h"

namespace hf {
namespace {

// toml++ descends once per part of a dotted key, without a limit: a text of this size cannot make
// it use up an 8 MiB stack (30,000 parts pass, 32,000 do not).
constexpr size_t kMaxText = 32 * 1024;
constexpr int kMaxDepth = 16;

int line_of(const toml::source_region& source) {
  return static_cast<int>(source.begin.line);
}

/// Turns toml++'s tree, whose tables are sorted by key, into ours in file order.
class Converter {
 public:
  explicit Converter(std::string_view file_name) : file_name_(file_name) {}

  Result<ConfigValue> convert(const toml::node& node, int depth = 0) const {
    const int line = line_of(node.source());
    if (depth > kMaxDepth) return fail(config_error(file_name_, line, "nested too deeply"));
    ConfigValue out;
    out.line = line;
    if (const auto* table = node.as_table()) {
      HF_TRY_ASSIGN(out.value, convert_table(*table, depth));
    } else if (const auto* array = node.as_array()) {
      HF_TRY_ASSIGN(out.value, convert_array(*array, depth));
    } else if (const auto boolean = node.value_exact<bool>()) {
      out.value = *boolean;
    } else if (const auto integer = node.value_exact<int64_t>()) {
      out.value = *integer;
    } else if (const auto number = node.value_exact<double>()) {
      out.value = *number;
    } else if (auto text = node.value_exact<std::string>()) {
      out.value = std::move(*text);
    } else {
      return fail(config_error(file_name_, line, "no key takes a date or a time of day"));
    }
    return out;
  }

 private:
  Result<ConfigValue::Table> convert_table(const toml::table& table, int depth) const {
    std::vector<std::pair<toml::source_position, const toml::key*>> order;
    for (const auto& [key, node] : table) order.emplace_back(key.source().begin, &key);
    std::ranges::sort(order, [](const auto& a, const auto& b) {
      return std::tie(a.first.line, a.first.column) < std::tie(b.first.line, b.first.column);
    });
    ConfigValue::Table out;
    for (const auto& [position, key] : order) {
      HF_TRY_ASSIGN(ConfigValue value, convert(*table.get(key->str()), depth + 1));
      // The line of a scalar is where its key stands, which is where a person looks.
      if (!table.get(key->str())->is_array_of_tables())
        value.line = static_cast<int>(position.line);
      out.push_back({std::string(key->str()), std::move(value)});
    }
    return out;
  }

  Result<ConfigValue::Array> convert_array(const toml::array& array, int depth) const {
    ConfigValue::Array out;
    for (const toml::node& node : array) {
      HF_TRY_ASSIGN(ConfigValue value, convert(node, depth + 1));
      out.push_back(std::move(value));
    }
    return out;
  }

  std::string_view file_name_;
};

}  // namespace

Result<ConfigValue> parse_toml(std::string_view text, std::string_view file_name) {
  if (text.size() > kMaxText)
    return fail(fmt::format("{}: larger than {} KiB: keep lists in files of their own", file_name,
                            kMaxText / 1024));
  try {
    return Converter(file_name).convert(toml::parse(text, std::string_view{}));
  } catch (const toml::parse_error& error) {
    const toml::source_position& at = error.source().begin;
    return fail(fmt::format("{}:{}:{}: {}", file_name, at.line, at.column,
                            printable(error.description(), 300)));
  }
}

Error config_error(std::string_view file_name, int line, std::string_view message) {
  if (line == 0) return Error{fmt::format("{}: {}", file_name, message)};
  return Error{fmt::format("{}:{}: {}", file_name, line, message)};
}

Error unknown_key(std::string_view file_name, int line, std::string_view section,
                  std::string_view key, const std::vector<std::string_view>& known) {
  const auto near = nearest(key, known);
  return config_error(
      file_name, line,
      fmt::format("unknown {} \"{}\"{}{}", section.empty() ? "section" : "key", printable(key),
                  section.empty() ? "" : fmt::format(" in [{}]", section),
                  near ? fmt::format(" (did you mean \"{}\"?)", *near) : ""));
}

std::string toml_quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace hf
