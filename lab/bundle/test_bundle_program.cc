// make_test_bundle DIR [SPEED]: writes the made-up study of test_bundle.h, to look at and for tests of the
// commands; all rates times SPEED.
#include <cstdio>
#include <exception>
#include <string>

#include "lab/bundle/test_bundle.h"

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: make_test_bundle DIR [SPEED]\n");
    return 2;
  }
  try {
    octet::test::write_test_bundle(argv[1], {.speed = argc == 3 ? std::stod(argv[2]) : 1});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_test_bundle: %s\n", error.what());
    return 1;
  }
  return 0;
}
