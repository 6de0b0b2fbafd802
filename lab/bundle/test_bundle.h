// A made-up study for tests: records of every kind and every outcome, valid, suspect and invalid, with peers
// and with power. Nothing in it was measured. The same on every machine.
#pragma once

#include <filesystem>
#include <vector>

#include "lab/bundle/results.h"
#include "lab/support/json_fwd.h"

namespace octet::test {

struct TestStudy {
  /// All rates are multiplied by this, so that two studies differ.
  double speed = 1;
  /// Seed of the jitter and of the predictions.
  unsigned seed = 1;
};

std::vector<lab::Json> test_records(const TestStudy& study = {});
/// Its plan has all the records and one more, which is missing.
lab::StudyHeader test_header();
/// Writes records, study.toml and, by write_bundle, all the rest.
void write_test_bundle(const std::filesystem::path& folder, const TestStudy& study = {});

}  // namespace octet::test
