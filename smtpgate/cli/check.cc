// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <fmt/core.h>

#include "smtpgate/cli/commands.h"
#include "smtpgate/policy/ruleset.h"

namespace smtpgate {

hf::Result<Config> config_or_defaults(const CommonOptions& common) {
  struct stat st {};
  if (common.config_given || ::stat(common.config_path.c_str(), &st) == 0)
    return load_config(common.config_path);
  fmt::print(stderr, "smtpgate: no {}, so the built-in defaults are used (-c names another)\n",
             common.config_path);
  return Config{};
}

hf::Result<int> run_check(const CommonOptions& common, const CheckOptions& options) {
  if (!options.key.empty()) {
    const std::string text = explain_config(options.key == "all" ? "" : options.key);
    if (text.empty()) return hf::fail(fmt::format("no key is called \"{}\"", options.key));
    fmt::print("{}", text);
    return 0;
  }
  HF_TRY_ASSIGN(Config config, load_config(common.config_path));
  if (options.dump) {
    fmt::print("{}", dump_config(config));
    return 0;
  }
  for (const std::string& warning : config_warnings(config))
    fmt::print(stderr, "{}: warning: {}\n", common.config_path, warning);
  HF_TRY_ASSIGN(const auto rules, Ruleset::load(std::move(config), open_directly));
  for (const Ruleset::Source& source : rules->sources())
    fmt::print("{}: {} entries\n", source.path, source.entries);
  fmt::print("{}: OK, {} mode\n", common.config_path,
             rules->config.mode.enforce ? "enforce" : "observe");
  return 0;
}

}  // namespace smtpgate
