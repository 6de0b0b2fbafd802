// What the library carries of the device functions.
#include "cuda/module.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <regex>
#include <set>
#include <string>

namespace octet::cuda {
namespace {

TEST(CudaModule, ImageIsAFatBinaryWhereACompilerWasFound) {
  const std::span<const std::byte> image = module_image();
  if (!OCTET_CUDA_IMAGE_EXPECTED) {
    EXPECT_TRUE(image.empty());
    GTEST_SKIP() << "this build has no CUDA compiler, so the library has no image to look at";
  }
  struct Header {
    std::uint32_t magic;
    std::uint16_t version, bytes;
    std::uint64_t content_bytes;
  } header;
  ASSERT_GT(image.size(), sizeof header);
  std::memcpy(&header, image.data(), sizeof header);
  EXPECT_EQ(header.magic, 0xba55ed50u);
  EXPECT_EQ(header.bytes + header.content_bytes, image.size());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(image.data()) % 16, 0u);
}

TEST(CudaModule, SourcesAreWholeAndBeginWithTheModule) {
  const std::span<const SourceFile> sources = module_sources();
  ASSERT_FALSE(sources.empty());
  EXPECT_EQ(sources[0].name, "cuda/device/module.cu");
  std::set<std::string> names;
  for (const SourceFile& source : sources) {
    EXPECT_TRUE(names.emplace(source.name).second) << source.name << " is there twice";
    EXPECT_TRUE(source.text.ends_with("\n")) << source.name;
  }
  const std::regex include("#include +([\"<])([^\">]+)[\">]");
  for (const SourceFile& source : sources) {
    const std::string text(source.text);
    for (std::sregex_iterator found(text.begin(), text.end(), include), end; found != end; ++found) {
      const std::string name = (*found)[2];
      if (name == "cuda/model/thread.h") continue;  // only the C++ compiler comes there
      EXPECT_EQ((*found)[1], "\"") << source.name << " includes " << name
                                   << ", which no run-time compiler has";
      EXPECT_EQ(names.count(name), 1u) << source.name << " includes " << name;
    }
  }
}

}  // namespace
}  // namespace octet::cuda
