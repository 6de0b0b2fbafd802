// Networks that come with trained weights, as Caffe files inside the program: so that a real accuracy can be
// measured with nothing at hand. Here they are only bytes; src/api reads them as it would read files.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace octet::zoo {

struct EmbeddedFile {
  std::string name;  ///< "octet_20.prototxt"
  std::span<const std::byte> bytes;
};

struct TrainedNetwork {
  std::string name;  ///< the word of the command line
  EmbeddedFile prototxt;
  EmbeddedFile caffemodel;
};

const std::vector<TrainedNetwork>& trained_networks();

}  // namespace octet::zoo
