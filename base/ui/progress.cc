// SPDX-License-Identifier: Apache-2.0
#include "base/ui/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/core.h>

namespace hf {
namespace {

/// The beginning of `text` that is at most `columns` code points.
std::string_view cut(std::string_view text, size_t columns) {
  size_t at = 0;
  for (; at < text.size(); ++at)
    if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80 && columns-- == 0) break;
  return text.substr(0, at);
}

}  // namespace

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressLine::show(std::string_view text) {
  if (!terminal_) return;
  winsize size{};
  ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
  fmt::print(stderr, "\r{}\x1b[K", cut(text, size.ws_col > 1 ? size.ws_col - 1 : 79));
  shown_ = true;
}

void ProgressLine::clear() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
  shown_ = false;
}

}  // namespace hf
