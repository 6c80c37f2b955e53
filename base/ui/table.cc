// SPDX-License-Identifier: Apache-2.0
#include "base/ui/table.h"

#include <algorithm>

#include "base/core/result.h"

namespace hf {
namespace {

/// Code points, since a cell may hold a name in UTF-8.
size_t width_of(const std::string& cell) {
  return static_cast<size_t>(std::ranges::count_if(
      cell, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

void Table::add_column(std::string title, Align align) {
  aligns_.push_back(align);
  lines_.front().push_back(std::move(title));
}

void Table::add_row(std::vector<std::string> cells) {
  HF_CHECK(cells.size() <= aligns_.size(), "a row with more cells than the table has columns");
  cells.resize(aligns_.size());
  lines_.push_back(std::move(cells));
}

std::string Table::render() const {
  std::vector<size_t> widths(aligns_.size());
  for (const auto& line : lines_)
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width_of(line[i]));

  std::string out;
  for (const auto& line : lines_) {
    std::string text;
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string padding(widths[i] - width_of(line[i]), ' ');
      text += (i == 0 ? "" : "  ");
      text += aligns_[i] == Align::kRight ? padding + line[i] : line[i] + padding;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + '\n';
  }
  return out;
}

}  // namespace hf
