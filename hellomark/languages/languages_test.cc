// SPDX-License-Identifier: Apache-2.0
#include "hellomark/languages/languages.h"

#include <filesystem>
#include <set>

#include <doctest/doctest.h>

#include "hellomark/languages/sources.h"

namespace hellomark {
namespace {

bool is_carried(std::string_view line) {
  size_t named = 0;
  for (const auto& [path, text] : source_files())
    if (line.find("/" + std::string(path)) != line.npos && !text.empty()) ++named;
  return named > 0;
}

TEST_CASE("the table is complete and its sources are carried") {
  std::set<std::string_view> names;
  for (const Language& language : languages()) {
    CAPTURE(language.name);
    CHECK(names.insert(language.name).second);
    CHECK_FALSE(language.packages.empty());
    CHECK_FALSE(language.needs.empty());
    CHECK_FALSE(language.version.empty());
    CHECK(is_carried(language.hello_compile.empty() ? language.hello_run : language.hello_compile));
    if (language.alloc_run.empty()) continue;
    CHECK(is_carried(language.alloc_compile.empty() ? language.alloc_run : language.alloc_compile));
    CHECK_FALSE(language.work.empty());
  }
  CHECK(names.size() >= 20);
}

TEST_CASE("each installed language says hello, and the folder goes with its workshop") {
  std::string folder;
  {
    auto workshop = Workshop::open();
    REQUIRE(workshop.has_value());
    folder = workshop->folder();
    for (const Language& language : languages()) {
      if (!is_installed(language)) continue;
      CAPTURE(language.name);
      CHECK(workshop->version_of(language) != "unknown");
      const auto command = workshop->hello(language);
      REQUIRE_MESSAGE(command.has_value(), (command ? "" : command.error().message));
      auto launcher = Launcher::start({&*command, 1}, {.directory = folder});
      REQUIRE(launcher.has_value());
      const RunRequest request;
      const auto records = launcher->run({&request, 1});
      REQUIRE(records.has_value());
      CHECK(records->front().wait_status == 0);
      CHECK(records->front().output_bytes == 14);
    }
  }
  CHECK_FALSE(std::filesystem::exists(folder));
}

TEST_CASE("a compiler's complaint is the error") {
  auto workshop = Workshop::open();
  REQUIRE(workshop.has_value());
  const Language broken{
      .name = "broken", .hello_compile = "echo \"line 1: no\" >&2; false", .hello_run = "true"};
  CHECK(workshop->hello(broken).error().message == "line 1: no");
}

}  // namespace
}  // namespace hellomark
