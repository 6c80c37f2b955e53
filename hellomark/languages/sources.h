// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace hellomark {

/// A source file that hellomark carries: "hello/hello.c" and what is in it.
struct SourceFile {
  std::string_view path;
  std::string_view text;
};
std::span<const SourceFile> source_files();

}  // namespace hellomark
