// SPDX-License-Identifier: Apache-2.0
// Any text is a configuration or an error; a configuration, dumped, is the same again.
#include <cstdint>
#include <string_view>

#include "smtpgate/policy/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = smtpgate::parse_config(text, "fuzz.toml");
  if (!config) return 0;
  const std::string dump = smtpgate::dump_config(*config);
  if (dump.size() > 32 * 1024) return 0;  // many short lists: more than the parser takes
  const auto again = smtpgate::parse_config(dump, "dump.toml");
  HF_CHECK(again && smtpgate::dump_config(*again) == dump, dump);
  HF_CHECK(smtpgate::restart_only_changes(*config, *again).empty(), dump);
  smtpgate::config_warnings(*config);
  return 0;
}
