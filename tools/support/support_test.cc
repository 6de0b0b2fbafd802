#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "octet/error.h"
#include "tools/support/npy.h"
#include "tools/support/quantization.h"
#include "tools/support/sparkline.h"
#include "tools/support/table.h"

namespace octet::tools {
namespace {

using ::testing::HasSubstr;

class Npy : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("octet-npy-{}", getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path file(const std::string& bytes) {
    const auto path = folder_ / "x.npy";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::string array(const std::string& dictionary, const std::string& data) {
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes += static_cast<char>(dictionary.size() & 255);
    bytes += static_cast<char>(dictionary.size() >> 8);
    return bytes + dictionary + data;
  }
  std::string error_of(const std::string& bytes) {
    const auto path = file(bytes);
    try {
      NpyReader reader(path);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("x.npy: "));
      return error.what();
    }
    return "";
  }

  std::filesystem::path folder_;
};

TEST_F(Npy, WhatIsWrittenIsReadBack) {
  const std::vector<float> values{1, -2.5f, 3e-8f, 4, 5, 6};
  NpyWriter writer(folder_ / "y.npy", Shape{2, 3});
  writer.write(std::span(values).first(3));
  writer.write(std::span(values).last(3));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "y.npy"));
  writer.finish();
  NpyReader reader(folder_ / "y.npy");
  EXPECT_EQ(reader.header().type, DataType::kFloat32);
  EXPECT_EQ(reader.header().shape, (Shape{2, 3}));
  std::vector<float> read(6);
  reader.read(std::span(read).first(2));
  reader.read(std::span(read).last(4));
  EXPECT_EQ(read, values);
  // NumPy asks that the data start at a multiple of 64.
  EXPECT_EQ((std::filesystem::file_size(folder_ / "y.npy") - 24) % 64, 0u);
}

TEST_F(Npy, BytesThatAreWrittenAreReadBack) {
  const std::vector<std::uint8_t> values{0, 7, 255, 128};
  NpyWriter writer(folder_ / "y.npy", Shape{4}, DataType::kUInt8);
  writer.write(std::span(values));
  writer.finish();
  NpyReader reader(folder_ / "y.npy");
  EXPECT_EQ(reader.header().type, DataType::kUInt8);
  EXPECT_EQ(reader.header().shape, (Shape{4}));
  std::vector<std::uint8_t> read(4);
  reader.read(std::span(read));
  EXPECT_EQ(read, values);
}

TEST_F(Npy, AnUnfinishedFileLeavesNothing) {
  { NpyWriter writer(folder_ / "y.npy", Shape{2, 3}); }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(Npy, ReadsBytesAndAllVersions) {
  const std::string dictionary = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n";
  NpyReader first(file(array(dictionary, "abc")));
  EXPECT_EQ(first.header().type, DataType::kUInt8);
  std::vector<std::uint8_t> bytes(3);
  first.read(bytes);
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{'a', 'b', 'c'}));

  std::string second("\x93NUMPY\x02\x00", 8);
  second += static_cast<char>(dictionary.size());
  second += std::string(3, '\0') + dictionary + "abc";
  EXPECT_EQ(NpyReader(file(second)).header().shape, (Shape{3}));
}

TEST_F(Npy, BrokenFilesAreErrorsThatNameTheFile) {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  EXPECT_EQ(error_of(array(good, "12345678")), "");
  EXPECT_THAT(error_of(array(good, "1234567")), HasSubstr("needs 8 bytes, the file holds 7"));
  EXPECT_THAT(error_of(array(good, "123456789")), HasSubstr("holds 9"));
  EXPECT_THAT(error_of(""), HasSubstr("not a .npy"));
  EXPECT_THAT(error_of("PK\x03\x04 an .npz archive"), HasSubstr("not a .npy"));
  EXPECT_THAT(error_of(array(good, "12345678").substr(0, 30)), HasSubstr("header"));
  EXPECT_THAT(error_of(array("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", "12345678")),
              HasSubstr("astype"));
  EXPECT_THAT(error_of(array("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", "1234")),
              HasSubstr("'>f4'"));
  EXPECT_THAT(error_of(array("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "1234")),
              HasSubstr("structured"));
  EXPECT_THAT(error_of(array("{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}", "12345678")),
              HasSubstr("Fortran"));
  EXPECT_THAT(error_of(array("{'descr': '<f4', 'shape': (2,)}", "12345678")), HasSubstr("expected the keys"));
  EXPECT_THAT(error_of(array("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", "")),
              HasSubstr("dimension"));
  EXPECT_THAT(error_of(array("{'descr': '<f4', 'fortran_order': False, "
                             "'shape': (4294967296, 4294967296, 4)}",
                             "")),
              HasSubstr("more than 2^64"));
}

TEST_F(Npy, NoPrefixOfAHeaderCrashes) {
  const std::string good = array("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, ), }", "12345678");
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_NE(error_of(good.substr(0, length)), "") << length;
}

TEST(Table, AlignsColumnsAndTrimsLineEnds) {
  Table table({{"name"}, {"count", Table::Align::kRight}, {"note"}});
  table.add_row({"a", "12345", ""});
  table.add_row({"longer", "1", "x"});
  EXPECT_EQ(table.to_string(), "name    count  note\na       12345\nlonger      1  x\n");
}

TEST(Table, ShowsWhatATerminalWouldObey) {
  Table table({{"layer"}});
  table.add_row({"conv\x1b[31m"});
  EXPECT_EQ(table.to_string(), "layer\nconv\\x1b[31m\n");
}

TEST(Table, SeparatesThousands) {
  EXPECT_EQ(with_separators(0), "0");
  EXPECT_EQ(with_separators(999), "999");
  EXPECT_EQ(with_separators(1000), "1,000");
  EXPECT_EQ(with_separators(-123456), "-123,456");
  EXPECT_EQ(with_separators(15470264320), "15,470,264,320");
}

TEST(Sparkline, DrawsSumsOfBinsOnALogarithmicScale) {
  const std::vector<std::uint64_t> bins = {0, 0, 1, 0, 50, 49, 999'999, 1};
  EXPECT_EQ(sparkline(bins, 4), " \u2581\u2583\u2588");
  EXPECT_EQ(sparkline(bins, 8), "  \u2581 \u2582\u2582\u2588\u2581");
  EXPECT_EQ(sparkline(bins, 99), sparkline(bins, 8)) << "no wider than there are bins";
  EXPECT_EQ(sparkline({}, 4), "");
  EXPECT_EQ(sparkline(std::vector<std::uint64_t>(8, 0), 4), "    ");
}

TEST(Precisions, ThatNeedACalibration) {
  EXPECT_FALSE(needs_calibration(Precision::kFloat32));
  EXPECT_FALSE(needs_calibration(Precision::kBFloat16));
  EXPECT_TRUE(needs_calibration(Precision::kInt8));
  EXPECT_TRUE(needs_calibration(Precision::kInt16));
  EXPECT_TRUE(needs_calibration(Precision::kMixed));
}

}  // namespace
}  // namespace octet::tools
