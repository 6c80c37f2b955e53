// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hellomark/measure/report.h"

namespace hellomark {

/// A report as a table of words: titles and cells, the first column naming the command.
struct Cells {
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> rows;
};
/// The columns that the kind of report asks for.
Cells cells_of(const Report& report);

/// What HelloMark printed in 2011: twenty starts in a row, and starts a second.
struct TwentyStarts {
  double elapsed_seconds = 0;
  double per_second = 0;
};
TwentyStarts twenty_starts(const Row& row);

}  // namespace hellomark
