// Writes every target's seeds: octet_fuzz_seeds DIR makes DIR/TARGET/NAME.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>

#include "fuzz/target.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: octet_fuzz_seeds DIR\n", stderr);
    return 2;
  }
  try {
    for (const octet::fuzz::Target& target : octet::fuzz::targets()) {
      const std::filesystem::path folder = std::filesystem::path(argv[1]) / target.name;
      std::filesystem::create_directories(folder);
      for (const octet::fuzz::Seed& seed : target.seeds()) {
        std::ofstream file(folder / seed.name, std::ios::binary);
        file.exceptions(std::ios::badbit | std::ios::failbit);
        file << seed.bytes;
      }
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "octet_fuzz_seeds: %s\n", error.what());
    return 1;
  }
}
