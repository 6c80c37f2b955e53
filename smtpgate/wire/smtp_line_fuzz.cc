// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/smtp_line.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace {

using smtpgate::SmtpLine;

std::vector<SmtpLine> lines_of(std::string_view bytes, size_t step) {
  smtpgate::SmtpLineReader reader;
  std::vector<SmtpLine> lines;
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    while (auto line = reader.next(piece)) lines.push_back(std::move(*line));
    HF_CHECK(piece.empty(), "all bytes are taken");
  }
  return lines;
}

bool same(const SmtpLine& a, const SmtpLine& b) {
  return a.verb == b.verb && a.argument == b.argument && a.bare_lf == b.bare_lf &&
         a.too_long == b.too_long;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = lines_of(bytes, size + 1);
  HF_CHECK(whole.size() == static_cast<size_t>(std::count(bytes.begin(), bytes.end(), '\n')),
           "a line for each LF");
  for (const SmtpLine& line : whole)
    HF_CHECK(line.verb.size() + line.argument.size() <= 2048, "lines are bounded");
  for (const size_t step : {1, 3, 512}) {
    const auto cut = lines_of(bytes, step);
    HF_CHECK(std::equal(whole.begin(), whole.end(), cut.begin(), cut.end(), same),
             "how the bytes are cut does not matter");
  }
  return 0;
}
