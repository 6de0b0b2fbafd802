// Several threads share one engine, each with a context of its own: the weights are in memory once, and
// nobody waits for a lock.
//
//   many_contexts [NETWORK [THREADS [IMAGES]]]      NETWORK: a built-in one, squeezenet-1.0 for instance
#include <octet/octet.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace {

// Any numbers, the same for the same image: image i of the "requests" that come in.
void make_image(int image, std::span<float> input) {
  std::uint32_t state = 2463534242u + static_cast<std::uint32_t>(image);
  for (float& value : input) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 24) - 128;
  }
}

// What one thread does: images `first`, `first` + `step`, ... and the hash of each one's output.
void work(const octet::Engine& engine, int first, int step, std::span<std::string> hashes) {
  octet::Context context = engine.create_context();  // activations and scratch memory; not to be shared
  std::vector<float> input(static_cast<std::size_t>(engine.inputs().at(0).shape.elements()));
  std::vector<float> output(static_cast<std::size_t>(engine.outputs().at(0).shape.elements()));
  for (auto image = static_cast<std::size_t>(first); image < hashes.size();
       image += static_cast<std::size_t>(step)) {
    make_image(static_cast<int>(image), input);
    context.run(1, input, output);
    hashes[image] = octet::hash_bytes(std::as_bytes(std::span(output)));
  }
}

std::vector<std::string> run(const octet::Engine& engine, int threads, int images) {
  std::vector<std::string> hashes(static_cast<std::size_t>(images));
  const auto begin = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> workers;  // each writes other elements of `hashes`
    for (int i = 0; i < threads; ++i)
      workers.emplace_back([&engine, i, threads, &hashes] { work(engine, i, threads, hashes); });
  }  // joined here
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::printf("%d thread%s: %.1f images/s\n", threads, threads == 1 ? "" : "s", images / seconds.count());
  return hashes;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string name = argc > 1 ? argv[1] : "squeezenet-1.0";
    const int threads = argc > 2 ? std::stoi(argv[2]) : octet::describe_machine().default_threads;
    const int images = argc > 3 ? std::stoi(argv[3]) : 200;
    if (threads < 1 || images < 1)
      throw octet::Error(octet::ErrorCode::kInvalidArgument, "THREADS and IMAGES are 1 or more");

    octet::BuildOptions options;
    options.threads = 1;                      // of each context; the parallel work is between contexts
    options.pinning = octet::Pinning::kNone;  // or all contexts' only threads would sit on the same CPU
    const octet::Engine engine = octet::Engine::build(octet::Network::zoo(name), options);
    const octet::MemoryInfo memory = engine.memory();
    std::printf("%s: %s of weights, once, and %s for each context\n", name.c_str(),
                octet::format_bytes(memory.weight_bytes).c_str(),
                octet::format_bytes(memory.arena_bytes).c_str());

    // An image gives the same bytes whichever context runs it.
    const std::vector<std::string> alone = run(engine, 1, images);
    const bool same = alone == run(engine, threads, images);
    std::printf("%s\n", same ? "the same outputs" : "the outputs differ");
    return same ? 0 : 3;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "many_contexts: %s\n", error.what());
    return 2;
  }
}
