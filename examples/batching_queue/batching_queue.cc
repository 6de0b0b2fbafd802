// A server in small: several clients at once, each waiting for its answer before it asks again, and one
// engine that runs what they ask as batches (batching_queue.h).
//
//   batching_queue [NETWORK [CLIENTS [REQUESTS]]]      NETWORK: a built-in one, squeezenet-1.0 for instance
#include "batching_queue.h"

#include <octet/octet.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

namespace {

using Values = BatchingQueue::Values;

// What client `client` asks about: noise, another for each.
Values make_image(std::size_t elements, int client) {
  std::uint32_t state = 1 + static_cast<std::uint32_t>(client);
  Values image(elements);
  for (float& value : image) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 24) - 128;
  }
  return image;
}

// FP32 sums may be taken in another order in a larger batch, so their last bits may differ. (In INT8 they do
// not.)
bool same(const Values& a, const Values& b) {
  float difference = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(a[i]));
  }
  return difference <= 1e-4f * largest;
}

// Whether each of the client's requests got the client's own answer.
bool ask(const octet::Engine& engine, BatchingQueue& queue, int client, int requests) {
  const Values image = make_image(static_cast<std::size_t>(engine.inputs().at(0).shape.elements()), client);
  Values expected(static_cast<std::size_t>(engine.outputs().at(0).shape.elements()));
  engine.create_context().run(1, image, expected);
  bool right = true;
  for (int i = 0; i < requests; ++i) right = same(expected, queue.submit(image).get()) && right;
  return right;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string name = argc > 1 ? argv[1] : "squeezenet-1.0";
    const int clients = argc > 2 ? std::stoi(argv[2]) : 8;
    const int requests = argc > 3 ? std::stoi(argv[3]) : 25;
    octet::BuildOptions options;
    options.max_batch = 8;
    const octet::Engine engine = octet::Engine::build(octet::Network::zoo(name), options);

    BatchingQueue queue(engine, std::chrono::milliseconds(2));
    std::atomic<int> wrong = 0;
    {
      std::vector<std::jthread> threads;
      for (int client = 0; client < clients; ++client)
        threads.emplace_back([&, client] {
          if (!ask(engine, queue, client, requests)) ++wrong;
        });
    }  // joined here
    std::printf("%d requests in %d batches\n", clients * requests, queue.batches());
    if (wrong > 0) std::printf("%d clients got wrong answers\n", wrong.load());
    return wrong == 0 ? 0 : 3;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "batching_queue: %s\n", error.what());
    return 2;
  }
}
