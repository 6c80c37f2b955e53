// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace hf {

/// One line on standard error that is written over, where that is a terminal; else nothing.
class ProgressLine {
 public:
  ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { clear(); }

  /// Shows `text`, cut to the terminal's width.
  void show(std::string_view text);
  void clear();

 private:
  const bool terminal_;
  bool shown_ = false;
};

}  // namespace hf
