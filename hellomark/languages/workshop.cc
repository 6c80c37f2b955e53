// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/core.h>

#include "base/core/text.h"
#include "hellomark/languages/languages.h"
#include "hellomark/languages/sources.h"
#include "hellomark/launch/words.h"

namespace hellomark {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPath = "/usr/bin:/bin";

bool write_file(const fs::path& path, std::string_view text) {
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  std::ofstream file(path, std::ios::binary);
  file << text;
  return bool(file.flush());
}

}  // namespace

bool is_installed(const Language& language) {
  for (const auto program : hf::split_blanks(language.needs))
    if (::access(fmt::format("/usr/bin/{}", program).c_str(), X_OK) != 0) return false;
  return true;
}

hf::Result<Workshop> Workshop::open() {
  std::error_code error;
  std::string pattern = fs::temp_directory_path(error) / "hellomark-XXXXXX";
  if (error || ::mkdtemp(pattern.data()) == nullptr)
    return hf::fail(hf::sys_error("making a temporary folder (set TMPDIR)"));
  Workshop workshop(std::move(pattern));
  const fs::path folder = workshop.folder_;
  bool written = write_file(folder / "hello.txt", "Hello, world!\n");
  for (const auto& [path, text] : source_files()) written &= write_file(folder / path, text);
  if (!written)
    return hf::fail(fmt::format("{}: the sources could not be written", folder.c_str()));
  return workshop;
}

Workshop::~Workshop() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

std::string Workshop::fill(std::string_view line) const {
  const std::pair<std::string, std::string> parameters[] = {{"dir", folder_}};
  return fill_in(std::string(line), parameters);
}

hf::Result<std::string> Workshop::shell(std::string_view line) const {
  const std::string log = folder_ + "/said";
  const Command command{
      "/bin/sh", {"sh", "-c", fmt::format("PATH={}; export PATH; exec 2>&1; {}", kPath, line)}};
  HF_TRY_ASSIGN(Launcher launcher,
                Launcher::start({&command, 1}, {.output = LauncherOptions::Output::kFile,
                                                .output_file = log,
                                                .directory = folder_}));
  constexpr uint64_t kPatience = 300'000'000'000;
  const RunRequest request{.timeout_ns = kPatience};
  HF_TRY_ASSIGN(const auto records, launcher.run({&request, 1}));
  std::ifstream file(log);
  std::string first;
  while (first.empty() && std::getline(file, first)) first = hf::trim(first);
  if (records.empty() || records.front().stopped) return hf::fail("interrupted");
  if (records.front().wait_status != 0) return hf::fail(hf::printable(first, 200));
  return first;
}

std::string Workshop::version_of(const Language& language) const {
  const auto said = shell(language.version);
  return said ? hf::printable(*said, 60) : "unknown";
}

hf::Result<Command> Workshop::build(std::string_view compile, std::string_view run) const {
  if (!compile.empty())
    if (const auto built = shell(fill(compile)); !built) return hf::fail(built.error());
  HF_TRY_ASSIGN(auto words, split_words(fill(run)));
  if (words[0].find('/') == std::string::npos) {
    HF_TRY_ASSIGN(Command command, find_command({"/usr/bin/" + words[0]}));
    command.argv = std::move(words);
    return command;
  }
  return find_command(std::move(words));
}

hf::Result<Command> Workshop::hello(const Language& language) const {
  return build(language.hello_compile, language.hello_run);
}

hf::Result<Command> Workshop::alloc(const Language& language) const {
  return build(language.alloc_compile, language.alloc_run);
}

}  // namespace hellomark
