// Every target takes its own seeds, and whatever fuzzing once found (fuzz/regressions/TARGET/).
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <string>

#include "fuzz/target.h"
#include "lab/support/files.h"

namespace octet::fuzz {
namespace {

TEST(FuzzTargets, AcceptTheirSeeds) {
  for (const Target& target : targets()) {
    const std::vector<Seed> seeds = target.seeds();
    EXPECT_FALSE(seeds.empty()) << target.name;
    for (const Seed& seed : seeds)
      EXPECT_TRUE(target.run(std::as_bytes(std::span(seed.bytes)))) << target.name << ": " << seed.name;
  }
}

TEST(FuzzTargets, SurviveWhatFuzzingFound) {
  int files = 0;
  for (const auto& folder : std::filesystem::directory_iterator("fuzz/regressions")) {
    if (!folder.is_directory()) continue;
    const Target* target = find_target(folder.path().filename().string());
    ASSERT_NE(target, nullptr) << folder.path() << " is no target's name";
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      SCOPED_TRACE(entry.path());
      const std::string bytes = lab::read_file(entry.path());
      EXPECT_NO_THROW(target->run(std::as_bytes(std::span(bytes))));
      ++files;
    }
  }
  EXPECT_GT(files, 0);
  std::cout << files << " files\n";
}

}  // namespace
}  // namespace octet::fuzz
