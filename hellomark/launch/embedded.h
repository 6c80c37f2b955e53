// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace hellomark {

/// The launcher and the floor program, static ELF files that hellomark carries within itself.
std::string_view launcher_program();
std::string_view floor_program();

}  // namespace hellomark
