// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "hellomark/launch/launcher.h"

namespace hellomark {

/// A row of the HelloMark: a language, or one way to run it. Lines are for a shell ("compile",
/// "version") or split into words ("run"); {dir} in them is the folder of the sources.
struct Language {
  std::string_view name;
  std::string_view packages;  // of Debian, for apt-get install
  std::string_view needs;     // the programs that must be there
  std::string_view version;
  std::string_view hello_compile, hello_run;
  std::string_view alloc_compile, alloc_run;  // run empty: not asked
  std::string_view work;                      // what one block of `alloc` is
  bool cycles = false;                        // has the third pattern of `alloc`
};
std::span<const Language> languages();

/// Whether all that it needs is in /usr/bin, which is where Debian's packages are.
bool is_installed(const Language& language);

/// A temporary folder with the sources, hello.txt, and what is compiled from them; removed with the
/// object.
class Workshop {
 public:
  static hf::Result<Workshop> open();
  Workshop(Workshop&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}
  Workshop& operator=(Workshop&&) = delete;
  ~Workshop();

  const std::string& folder() const { return folder_; }
  /// The first line of what the language says of its version.
  std::string version_of(const Language& language) const;
  /// Compiles if need be. The error holds the first line of the compiler's complaint.
  hf::Result<Command> hello(const Language& language) const;
  /// The program of the allocation tests, to which pattern and number of blocks are to be added.
  hf::Result<Command> alloc(const Language& language) const;

 private:
  explicit Workshop(std::string folder) : folder_(std::move(folder)) {}
  hf::Result<Command> build(std::string_view compile, std::string_view run) const;
  hf::Result<std::string> shell(std::string_view line) const;
  std::string fill(std::string_view line) const;

  std::string folder_;
};

}  // namespace hellomark
