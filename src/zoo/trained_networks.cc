#include "zoo/trained_networks.h"

// The assembler copies the files as they lie in the source tree; hidden symbols keep them the library's own.
#define OCTET_EMBED(symbol, file)            \
  asm(".pushsection .rodata\n"               \
      ".balign 16\n"                         \
      ".global " #symbol                     \
      "\n"                                   \
      ".hidden " #symbol "\n" #symbol        \
      ":\n"                                  \
      ".incbin \"" OCTET_ZOO_FOLDER "/" file \
      "\"\n"                                 \
      ".global " #symbol                     \
      "_end\n"                               \
      ".hidden " #symbol "_end\n" #symbol    \
      "_end:\n"                              \
      ".popsection\n");                      \
  extern "C" const std::byte symbol[], symbol##_end[]

OCTET_EMBED(octet_zoo_octet_20_prototxt, "octet_20/octet_20.prototxt");
OCTET_EMBED(octet_zoo_octet_20_caffemodel, "octet_20/octet_20.caffemodel");

namespace octet::zoo {

const std::vector<TrainedNetwork>& trained_networks() {
  static const std::vector<TrainedNetwork> list = {
      {"octet-20",
       {"octet_20.prototxt", {octet_zoo_octet_20_prototxt, octet_zoo_octet_20_prototxt_end}},
       {"octet_20.caffemodel", {octet_zoo_octet_20_caffemodel, octet_zoo_octet_20_caffemodel_end}}}};
  return list;
}

}  // namespace octet::zoo
