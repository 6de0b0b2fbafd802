#include "zoo/trained_networks.h"

#include "base/embed.h"

OCTET_EMBED(octet_zoo_octet_20_prototxt, OCTET_ZOO_FOLDER "/octet_20/octet_20.prototxt");
OCTET_EMBED(octet_zoo_octet_20_caffemodel, OCTET_ZOO_FOLDER "/octet_20/octet_20.caffemodel");

namespace octet::zoo {

const std::vector<TrainedNetwork>& trained_networks() {
  static const std::vector<TrainedNetwork> list = {
      {"octet-20",
       {"octet_20.prototxt", {octet_zoo_octet_20_prototxt, octet_zoo_octet_20_prototxt_end}},
       {"octet_20.caffemodel", {octet_zoo_octet_20_caffemodel, octet_zoo_octet_20_caffemodel_end}}}};
  return list;
}

}  // namespace octet::zoo
