// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <fmt/core.h>

#include "base/os/file.h"
#include "smtpgate/cli/commands.h"
#include "smtpgate/cli/import_postscreen.h"

namespace smtpgate {

hf::Result<int> run_import(const CommonOptions&, const ImportOptions& options) {
  std::error_code error;
  const std::string folder =
      options.output.empty()
          ? std::filesystem::path(kDefaultConfigPath).parent_path().string()
          : std::filesystem::absolute(options.output, error).lexically_normal().string();
  HF_TRY_ASSIGN(const PostscreenImport imported, import_postscreen(options.source, folder));
  for (const std::string& note : imported.notes) fmt::print(stderr, "note: {}\n", note);
  if (options.output.empty()) {
    fmt::print("{}", imported.toml);
    return 0;
  }
  HF_TRY(hf::make_directories(folder));
  const std::pair<const char*, const std::string&> files[] = {{"smtpgate.toml", imported.toml},
                                                              {"allow.cidr", imported.allow},
                                                              {"deny.cidr", imported.deny}};
  for (const auto& [name, text] : files) {
    if (text.empty()) continue;
    const std::string path = fmt::format("{}/{}", folder, name);
    HF_TRY(hf::write_file_atomically(path, text));
    fmt::print("wrote {}\n", path);
  }
  return 0;
}

}  // namespace smtpgate
