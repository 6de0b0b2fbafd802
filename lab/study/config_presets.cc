// The two studies that the program knows are files of the source tree, copied into it by the assembler, so
// that there is one place where they stand and users can read it.
#include "lab/study/config.h"

#define OCTET_EMBED(symbol, file)              \
  asm(".pushsection .rodata\n"                 \
      ".global " #symbol                       \
      "\n"                                     \
      ".hidden " #symbol "\n" #symbol          \
      ":\n"                                    \
      ".incbin \"" OCTET_STUDY_FOLDER "/" file \
      "\"\n"                                   \
      ".global " #symbol                       \
      "_end\n"                                 \
      ".hidden " #symbol "_end\n" #symbol      \
      "_end:\n"                                \
      ".popsection\n");                        \
  extern "C" const char symbol[], symbol##_end[]

OCTET_EMBED(octet_study_quick, "study-quick.toml");
OCTET_EMBED(octet_study_full, "study-full.toml");

namespace octet::lab {

std::string_view quick_config_text() { return {octet_study_quick, octet_study_quick_end}; }
std::string_view full_config_text() { return {octet_study_full, octet_study_full_end}; }

}  // namespace octet::lab
