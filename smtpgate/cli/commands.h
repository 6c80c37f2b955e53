// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "smtpgate/history/store.h"
#include "smtpgate/policy/config.h"

namespace smtpgate {

inline constexpr const char* kDefaultConfigPath = "/etc/smtpgate/smtpgate.toml";

/// What every subcommand is given.
struct CommonOptions {
  std::string config_path = kDefaultConfigPath;
  bool config_given = false;  // -c was used, so a missing file is an error
  bool json = false;
};

/// The configuration, or all defaults where none was named and none is installed.
hf::Result<Config> config_or_defaults(const CommonOptions& common);

// Each subcommand returns the exit code, or an error that main prints.

struct CheckOptions {
  bool dump = false;
  bool explain = false;
  std::string key;
};
hf::Result<int> run_check(const CommonOptions& common, const CheckOptions& options);

struct WhyOptions {
  std::string subject;   // an address, or the id of a connection
  bool ask_dns = true;
};
hf::Result<int> run_why(const CommonOptions& common, const WhyOptions& options);

struct TestOptions {
  std::string address;
  bool talks = false;    // as if it spoke before the greeting
  bool ask_dns = true;
};
hf::Result<int> run_test(const CommonOptions& common, const TestOptions& options);

hf::Result<int> run_status(const CommonOptions& common);
hf::Result<int> run_lists(const CommonOptions& common);
hf::Result<int> run_reload(const CommonOptions& common);

struct TopOptions {
  std::string by = "refusals";
  size_t count = 20;
  bool networks = false;
};
hf::Result<int> run_top(const CommonOptions& common, const TopOptions& options);

struct AccessOptions {
  std::string prefix;
  std::string duration;  // empty: for ever
  std::string note;
  bool remove = false;
};
hf::Result<int> run_allow(const CommonOptions& common, const AccessOptions& options);
hf::Result<int> run_deny(const CommonOptions& common, const AccessOptions& options);
hf::Result<int> run_forget(const CommonOptions& common, const std::string& address);

/// `action`: "list" or "flush".
hf::Result<int> run_grey(const CommonOptions& common, const std::string& action);

hf::Result<int> run_providers(const CommonOptions& common, bool refresh_first);

hf::Result<int> run_doctor(const CommonOptions& common);

struct ImportOptions {
  std::string source;  // main.cf
  std::string output;  // folder; empty: standard output
};
hf::Result<int> run_import(const CommonOptions& common, const ImportOptions& options);

struct ReplayOptions {
  std::string log;
  size_t examples = 20;
};
hf::Result<int> run_replay_log(const CommonOptions& common, const ReplayOptions& options);

}  // namespace smtpgate
