// SPDX-License-Identifier: Apache-2.0
//
// Files that a program carries within itself, taken in by the assembler.
#pragma once

#include <string_view>

/// At file scope: embeds the file at `path` under `name`, unique in the program.
#define HF_EMBED(name, path)                                                             \
  asm(".pushsection .rodata\n.balign 16\n.global " #name "\n" #name ":\n.incbin \"" path \
      "\"\n.global " #name "_end\n" #name                                                \
      "_end:\n.byte 0\n"                                                                 \
      ".popsection\n");                                                                  \
  extern "C" const char name[];                                                          \
  extern "C" const char name##_end[];

/// The bytes of an embedded file, as a string_view that lives as long as the program.
#define HF_EMBEDDED(name) (std::string_view(name, static_cast<size_t>(name##_end - name)))
