// make_test_bundle DIR: writes the made-up study of test_bundle.h, to look at.
#include <cstdio>
#include <exception>

#include "lab/study/test_bundle.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_test_bundle DIR\n");
    return 2;
  }
  try {
    octet::test::write_test_bundle(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_test_bundle: %s\n", error.what());
    return 1;
  }
  return 0;
}
