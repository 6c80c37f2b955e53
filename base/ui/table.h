// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hf {

/// A plain-text table for terminals: columns as wide as their widest cell, two blanks between them.
class Table {
 public:
  enum class Align : uint8_t { kLeft, kRight };

  /// All columns come before the first row.
  void add_column(std::string title, Align align = Align::kLeft);
  /// One cell a column; missing ones are empty.
  void add_row(std::vector<std::string> cells);
  /// Titles and rows, one a line, without blanks at line ends.
  std::string render() const;

 private:
  std::vector<Align> aligns_;
  std::vector<std::vector<std::string>> lines_{1};  // the first holds the titles
};

}  // namespace hf
