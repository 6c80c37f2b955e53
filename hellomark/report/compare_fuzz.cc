// SPDX-License-Identifier: Apache-2.0
// Whatever is read as a report can be compared with itself, and has then not changed.
#include "hellomark/report/compare.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto rows = hellomark::parse_report({reinterpret_cast<const char*>(data), size});
  if (!rows) return 0;
  for (const auto& change : hellomark::changes(*rows, *rows, 0.05))
    HF_CHECK(!change.floor || !change.measure.empty(), "a change has a measure");
  hellomark::to_text(hellomark::changes(*rows, *rows, 0.05));
  return 0;
}
