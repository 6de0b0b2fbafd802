// Files that are part of the program. The assembler copies them as they lie on disk, so that an object that
// embeds a file has to depend on it (OBJECT_DEPENDS in CMake). Hidden symbols keep them the library's own.
#pragma once

#include <cstddef>

/// At namespace scope: declares `symbol` and `symbol_end`, the bytes of the file of that path (a string
/// literal) and what follows them; aligned to 16 bytes.
#define OCTET_EMBED(symbol, path)         \
  asm(".pushsection .rodata\n"            \
      ".balign 16\n"                      \
      ".global " #symbol                  \
      "\n"                                \
      ".hidden " #symbol "\n" #symbol     \
      ":\n"                               \
      ".incbin \"" path                   \
      "\"\n"                              \
      ".global " #symbol                  \
      "_end\n"                            \
      ".hidden " #symbol "_end\n" #symbol \
      "_end:\n"                           \
      ".popsection\n");                   \
  extern "C" const std::byte symbol[], symbol##_end[]
