// What is in this picture? Network, weights and the names of the classes come from files.
//
//   classify deploy.prototxt net.caffemodel classes.txt photo.png [BLUE GREEN RED]
//
// classes.txt has one name a line, in the order of the network's classes. BLUE GREEN RED are the means that
// the network was trained with; without them ImageNet's.
#include <octet/octet.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "../common/picture.h"

namespace {

std::vector<std::string> read_lines(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw octet::Error(octet::ErrorCode::kNotFound, file + ": cannot be opened");
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

void classify(const std::string& prototxt, const std::string& caffemodel, const std::string& class_names,
              const std::string& photo, const std::array<float, 3>& mean_bgr) {
  // A Network is what the files say: layers and FP32 weights.
  const octet::Network network = octet::Network::load_caffe(prototxt, caffemodel);

  // An Engine is the network made ready for this machine: layers fused, kernels chosen, weights packed,
  // memory planned. Making it takes a while; it never changes afterwards.
  octet::BuildOptions options;
  options.precision = octet::Precision::kFloat32;
  options.max_batch = 1;  // pictures at once, at most
  const octet::Engine engine = octet::Engine::build(network, options);

  // A Context holds the memory that one run needs. It is made once and used for any number of runs.
  octet::Context context = engine.create_context();

  const octet::Shape input_shape = engine.inputs().at(0).shape;  // {1, 3, height, width}
  std::vector<float> input(static_cast<std::size_t>(input_shape.elements()));
  to_input(read_png(photo), input_shape, mean_bgr, input);

  std::vector<float> scores(static_cast<std::size_t>(engine.outputs().at(0).shape.elements()));
  context.run(1, input, scores);  // from here to there, and nothing is allocated

  const std::vector<std::string> names = read_lines(class_names);
  if (names.size() != scores.size())
    throw octet::Error(octet::ErrorCode::kMismatch, class_names + ": " + std::to_string(names.size()) +
                                                        " names for " + std::to_string(scores.size()) +
                                                        " classes of the network");
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t shown = std::min<std::size_t>(5, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                    [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  for (std::size_t i = 0; i < shown; ++i)
    std::printf("%9.4f  %s\n", scores[order[i]], names[order[i]].c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 && argc != 8) {
    std::fprintf(stderr,
                 "usage: classify deploy.prototxt net.caffemodel classes.txt photo.png [BLUE GREEN RED]\n");
    return 2;
  }
  try {
    std::array<float, 3> mean_bgr = {104, 117, 123};
    for (int i = 5; i < argc; ++i) mean_bgr[static_cast<std::size_t>(i - 5)] = std::stof(argv[i]);
    classify(argv[1], argv[2], argv[3], argv[4], mean_bgr);
    return 0;
  } catch (const std::exception&
               error) {  // octet::Error says which file, line or layer, what was expected and what came
    std::fprintf(stderr, "classify: %s\n", error.what());
    return 2;
  }
}
