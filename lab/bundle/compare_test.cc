#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "lab/bundle/bundle.h"
#include "lab/bundle/record.h"
#include "lab/bundle/test_bundle.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/error.h"
#include "tests/support/temporary_directory.h"

namespace octet::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Compare : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folders_ = new test::TemporaryDirectory;
    test::write_test_bundle(folders_->path() / "a");
    test::write_test_bundle(folders_->path() / "faster", {.speed = 1.1, .seed = 2});
  }
  static void TearDownTestSuite() { delete folders_; }
  static fs::path a() { return folders_->path() / "a"; }
  static fs::path faster() { return folders_->path() / "faster"; }

  /// A copy of `a` whose records `change` has seen.
  fs::path changed(const std::function<void(Json&)>& change) const {
    const fs::path folder = scratch_.path() / "b";
    const RecordStore store(folder);
    for (Json record : test::test_records()) {
      change(record);
      store.save(record);
    }
    fs::copy_file(a() / "study.toml", folder / "study.toml");
    write_bundle(folder, test::test_header());
    return folder;
  }
  static const Json& row(const Json& comparison, const char* section, const char* network,
                         const char* precision, int batch) {
    for (const Json& each : comparison["rows"])
      if (each["section"] == section && each["network"] == network && each["precision"] == precision &&
          each["batch"] == batch)
        return each;
    throw std::runtime_error("no such row");
  }

  static test::TemporaryDirectory* folders_;
  test::TemporaryDirectory scratch_;
};
test::TemporaryDirectory* Compare::folders_ = nullptr;

TEST_F(Compare, ABundleWithItselfDiffersInNothing) {
  const Json comparison = compare_bundles(a(), a());
  EXPECT_TRUE(comparison["only_a"].empty());
  EXPECT_TRUE(comparison["only_b"].empty());
  int ratios = 0;
  for (const Json& each : comparison["rows"]) {
    if (!each.contains("ratio")) continue;
    ++ratios;
    EXPECT_EQ(each["ratio"]["median"], 1.0);
    EXPECT_FALSE(each["significant"].get<bool>()) << each;
  }
  EXPECT_GT(ratios, 20);
  for (const char* what : {"machine", "build", "options"})
    EXPECT_TRUE(comparison["differences"][what].empty());
  for (const Json& each : comparison["accuracy"]) EXPECT_EQ(each["mcnemar_p"], 1.0);
}

TEST_F(Compare, ATenthFasterIsSignificantEverywhere) {
  const Json comparison = compare_bundles(a(), faster());
  for (const Json& each : comparison["rows"]) {
    if (!each.contains("ratio")) continue;
    EXPECT_NEAR(each["ratio"]["median"].get<double>(), 1.1, 0.01) << each;
    EXPECT_TRUE(each["significant"].get<bool>());
  }
  EXPECT_THAT(comparison["notes"][0].get<std::string>(), HasSubstr("between runs"));
}

TEST_F(Compare, InvalidAndUnmeasuredRowsHaveNoRatio) {
  const Json comparison = compare_bundles(a(), a());
  const Json& invalid = row(comparison, "throughput", "googlenet", "fp32", 32);
  EXPECT_EQ(invalid["a"]["verdict"], "INVALID");
  EXPECT_FALSE(invalid.contains("ratio"));
  EXPECT_EQ(row(comparison, "throughput", "alexnet", "int8", 4096)["b"]["outcome"], "does_not_fit");
}

TEST_F(Compare, RowsOfOneBundleAloneAreListed) {
  const fs::path less = changed([](Json& record) {
    if (record["key"] == "ladder/alexnet/int8/avx2") {
      record["key"] = "ladder/vgg-16/int8/avx2";
      record["network"] = "vgg-16";
    }
  });
  const Json comparison = compare_bundles(a(), less);
  ASSERT_EQ(comparison["only_a"].size(), 1u);
  EXPECT_EQ(comparison["only_a"][0]["isa"], "avx2");
  ASSERT_EQ(comparison["only_b"].size(), 1u);
  EXPECT_EQ(comparison["only_b"][0]["network"], "vgg-16");
}

TEST_F(Compare, OtherOutputsAreSaid) {
  const fs::path other = changed([](Json& record) {
    if (record["key"] == "throughput/alexnet/int8/b8") record["systems"][0]["output_hash"] = "ffff";
  });
  const Json comparison = compare_bundles(a(), other);
  EXPECT_FALSE(row(comparison, "throughput", "alexnet", "int8", 8)["same_outputs"].get<bool>());
  EXPECT_TRUE(row(comparison, "throughput", "alexnet", "int8", 1)["same_outputs"].get<bool>());
}

TEST_F(Compare, DifferencesAreListedKeyByKey) {
  const fs::path other = changed([](Json& record) {
    record["octet"]["revision"] = "fedcba";
    if (record["key"] != "machine") return;
    record["machine"]["cpu_model"] = "another";
    record["machine"]["cpu_flags"] = {"avx2", "amx_tile"};
  });
  write_file(other / "study.toml", "seed = 2\n[throughput]\nseconds = 1.5\n");
  write_bundle(other, test::test_header());
  const Json differences = compare_bundles(a(), other)["differences"];
  ASSERT_EQ(differences["machine"].size(), 2u);
  EXPECT_EQ(differences["machine"][0]["key"], "cpu_model");
  EXPECT_EQ(differences["machine"][1]["a"], Json({"avx512f", "avx512_vnni"}));
  EXPECT_EQ(differences["machine"][1]["b"], Json({"amx_tile"}));
  EXPECT_EQ(differences["build"][0]["key"], "revision");
  bool seed = false;
  for (const Json& each : differences["options"]) {
    EXPECT_NE(each["key"], "throughput.seconds");
    seed = seed || (each["key"] == "seed" && each["a"] == "1" && each["b"] == "2");
  }
  EXPECT_TRUE(seed);
}

TEST_F(Compare, AccuracyIsPairedOnlyOverTheSamePictures) {
  const fs::path other = changed([](Json& record) {
    if (record["key"] == "accuracy/octet-20") record["data_hash"] = "ffff";
    if (record["key"] == "accuracy/squeezenet-1.0")
      for (int i = 0; i < 40; ++i) record["results"][1]["rank"][i] = 9;
  });
  const Json compared = compare_bundles(a(), other);
  for (const Json& each : compared.at("accuracy")) {
    if (each["network"] == "octet-20") {
      EXPECT_FALSE(each["same_pictures"].get<bool>());
      EXPECT_FALSE(each.contains("delta_top1"));
    } else if (each["precision"] == "int8") {
      EXPECT_LT(each["delta_top1"].get<double>(), 0);
      EXPECT_LT(each["mcnemar_p"].get<double>(), 0.05);
    }
  }
}

TEST_F(Compare, WhatIsNoBundleIsRefused) {
  EXPECT_THROW(compare_bundles(a(), scratch_.path()), Error);
  EXPECT_THROW(compare_bundles(scratch_.path() / "nowhere", a()), Error);
}

}  // namespace
}  // namespace octet::lab
