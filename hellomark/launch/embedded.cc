// SPDX-License-Identifier: Apache-2.0
#include "hellomark/launch/embedded.h"

#include "base/core/embed.h"

HF_EMBED(hellomark_launcher_file, HELLOMARK_LAUNCHER_FILE)
HF_EMBED(hellomark_floor_file, HELLOMARK_FLOOR_FILE)

namespace hellomark {

std::string_view launcher_program() {
  return HF_EMBEDDED(hellomark_launcher_file);
}
std::string_view floor_program() {
  return HF_EMBEDDED(hellomark_floor_file);
}

}  // namespace hellomark
