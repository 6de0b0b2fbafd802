// A program compiled and linked with -ffast-math, which starts with denormals flushed (crtfastmath.o) and has
// its own inline functions rearranged, gets the same bytes as all others.
#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <memory>
#include <vector>

#include "octet/octet.h"
#include "tests/support/golden_networks.h"

namespace octet {
namespace {

TEST(FastMathCaller, GetsTheGoldenBytes) {
  constexpr unsigned kFlushed = 0x8040;
  ASSERT_EQ(_mm_getcsr() & kFlushed, kFlushed) << "this program was not linked with -ffast-math";
  for (const char* name : {"octet-20", "squeezenet-1.0"})
    EXPECT_EQ(test::output_hash(Network::zoo(name, 1), test::golden_calibration(name),
                                describe_machine().best_isa, 2, test::kGoldenImages, test::kGoldenImages),
              test::golden_hashes().at(name))
        << name;
  EXPECT_EQ(_mm_getcsr() & kFlushed, kFlushed) << "the caller's own comes back";
}

}  // namespace
}  // namespace octet
