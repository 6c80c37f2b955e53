// SPDX-License-Identifier: Apache-2.0
// What a command line is split into can be joined and split again.
#include "base/core/result.h"
#include "hellomark/launch/words.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto words = hellomark::split_words(text)) {
    const auto again = hellomark::split_words(hellomark::join_words(*words));
    HF_CHECK(again.has_value() && *again == *words, "joined words split into themselves");
  }
  const auto parts = hellomark::split_list(text);
  HF_CHECK(!parts.empty(), "a list has at least one part");
  if (parts.size() == 3)
    if (const auto range = hellomark::number_range(parts[0], parts[1], parts[2]))
      HF_CHECK(!range->empty() && range->size() <= 1001, "a range is neither empty nor endless");
  return 0;
}
