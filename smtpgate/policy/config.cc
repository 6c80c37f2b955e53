// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/policy/config.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/os/file.h"
#include "base/ui/config.h"
#include "base/ui/config_codec.h"
#include "smtpgate/policy/config_check.h"
#include "smtpgate/policy/config_keys.h"

namespace smtpgate {
namespace {

hf::Result<ListConfig> read_list(const hf::ConfigValue& value, std::string_view file_name) {
  const auto* table = std::get_if<hf::ConfigValue::Table>(&value.value);
  if (table == nullptr)
    return hf::fail(hf::config_error(file_name, value.line, "each list is a [[dnsbl]] table"));
  ListConfig list;
  HF_TRY(hf::read_section(*table, kListSection, list_keys(), list, file_name));
  auto no = [&](const hf::Error& error) {
    return hf::fail(hf::config_error(file_name, value.line, "[dnsbl] " + error.message));
  };
  if (!list.file.empty()) {
    if (hf::find_value(*table, "trusted") == nullptr) list.trusted = true;
    if (hf::find_value(*table, "format") == nullptr) {
      auto format = RbldnsdZone::format_of("", list.file);
      if (!format) return no(format.error());
      list.format = *format;
    }
  }
  if (list.name.empty())
    list.name = list.file.empty() ? list.rule.zone : list.file.substr(list.file.rfind('/') + 1);
  if (auto fits = check_list(list); !fits) return no(fits.error());
  return list;
}

hf::Result<std::vector<ListConfig>> read_lists(const hf::ConfigValue& value,
                                               std::string_view file_name) {
  const auto* array = std::get_if<hf::ConfigValue::Array>(&value.value);
  if (array == nullptr)
    return hf::fail(
        hf::config_error(file_name, value.line, "lists stand in double brackets: [[dnsbl]]"));
  std::vector<ListConfig> lists;
  for (const hf::ConfigValue& each : *array) {
    HF_TRY_ASSIGN(ListConfig list, read_list(each, file_name));
    lists.push_back(std::move(list));
  }
  return lists;
}

std::vector<std::string_view> section_names() {
  std::vector<std::string_view> names;
  for (const ConfigKey& each : config_keys())
    if (names.empty() || names.back() != each.section) names.push_back(each.section);
  names.push_back("dnsbl");
  return names;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data()
                                                                             : "localhost";
}

/// "limits" for "limits", "dnsbl" for "dnsbl[]".
std::string_view plain(std::string_view section) {
  return section.substr(0, section.find('['));
}

/// The section as the file writes it: "[limits]", "[[dnsbl]]".
std::string heading(std::string_view section) {
  return section.ends_with("[]") ? fmt::format("[[{}]]", plain(section))
                                 : fmt::format("[{}]", section);
}

/// Appends a line for each key that `wanted` names; all keys if it is empty.
template <class C>
void explain_keys(const std::vector<hf::ConfigKey<C>>& keys, std::string_view wanted,
                  std::string& out) {
  const C defaults;
  for (const auto& each : keys) {
    const std::string_view section = plain(each.section);
    if (!wanted.empty() && wanted != each.name && wanted != section &&
        wanted != fmt::format("{}.{}", section, each.name))
      continue;
    const std::string value = each.write(defaults);
    out += fmt::format("{} {} ({}{}): {}\n", heading(each.section), each.name, each.type,
                       value.empty() ? "" : ", default " + value, each.help);
  }
}

template <class C>
void dump_keys(const std::vector<hf::ConfigKey<C>>& keys, const C& config, std::string& out) {
  std::string_view section;
  for (const auto& each : keys) {
    if (each.section != section) out += (out.empty() ? "" : "\n") + heading(each.section) + '\n';
    section = each.section;
    const std::string value = each.write(config);
    if (!value.empty()) out += fmt::format("{} = {}\n", each.name, value);
  }
}

}  // namespace

bool has_relay(const Config& config) {
  return std::ranges::any_of(config.backend.handoff, [](const BackendUri& each) {
    return each.kind != BackendUri::Kind::kPostfixPass;
  });
}

std::string provider_file(const Config& config, const std::string& provider) {
  return config.history.path + "/providers/" + provider;
}

hf::Result<Config> parse_config(std::string_view text, std::string_view file_name) {
  HF_TRY_ASSIGN(const hf::ConfigValue top, hf::parse_toml(text, file_name));
  const auto& sections = std::get<hf::ConfigValue::Table>(top.value);
  const auto known = section_names();
  Config config;
  for (const auto& [name, value] : sections) {
    const auto* table = std::get_if<hf::ConfigValue::Table>(&value.value);
    if (std::ranges::find(known, name) == known.end())
      return hf::fail(hf::unknown_key(file_name, value.line, "", name, known));
    if (name == "dnsbl") {
      HF_TRY_ASSIGN(config.lists, read_lists(value, file_name));
    } else if (table == nullptr) {
      return hf::fail(hf::config_error(
          file_name, value.line,
          fmt::format("\"{0}\" is a section: write its keys below a line [{0}]", name)));
    } else {
      HF_TRY(hf::read_section(*table, name, config_keys(), config, file_name));
    }
  }
  if (config.banner.name.empty()) config.banner.name = host_name();
  HF_TRY(check_config(config, sections, file_name));
  return config;
}

hf::Result<Config> load_config(const std::string& path) {
  HF_TRY_ASSIGN(const std::string text, hf::read_file(path));
  return parse_config(text, path);
}

std::string explain_config(std::string_view only_key) {
  std::string out;
  explain_keys(config_keys(), only_key, out);
  explain_keys(list_keys(), only_key, out);
  return out;
}

std::string dump_config(const Config& config) {
  std::string out;
  dump_keys(config_keys(), config, out);
  for (const ListConfig& list : config.lists) dump_keys(list_keys(), list, out);
  return out;
}

std::vector<std::string> restart_only_changes(const Config& old, const Config& fresh) {
  std::vector<std::string> changes;
  for (const ConfigKey& each : config_keys())
    if (each.fixed && each.fixed(old) != each.fixed(fresh))
      changes.push_back(fmt::format("[{}] {}", each.section, each.name));
  return changes;
}

}  // namespace smtpgate
