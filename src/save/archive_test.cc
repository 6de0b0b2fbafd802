#include "save/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "octet/error.h"
#include "tests/support/message_of.h"

namespace octet::save {

enum class Colour { kRed, kGreen };
template <>
inline constexpr auto kLast<Colour> = Colour::kGreen;
struct Nothing {
  bool operator==(const Nothing&) const = default;
};
template <class Archive>
void fields(Archive& /*archive*/, Field<Archive, Nothing>& /*has none*/) {}
struct Everything {
  bool truth = false;
  int small = 0;
  std::int64_t large = 0;
  float single = 0;
  double real = 0;
  Colour colour = Colour::kRed;
  std::string text;
  std::vector<std::string> list;
  std::map<std::string, int> table;
  std::optional<int> there, absent;
  std::variant<Nothing, std::int64_t, std::string> either;
  bool operator==(const Everything&) const = default;
};
OCTET_FIELDS(Everything, truth, small, large, single, real, colour, text, list, table, there, absent, either)

namespace {

using ::testing::HasSubstr;

const Everything kEverything = {.truth = true,
                                .small = -7,
                                .large = std::numeric_limits<std::int64_t>::min(),
                                .single = -0.0f,
                                .real = 1e300,
                                .colour = Colour::kGreen,
                                .text = std::string("a\0b", 3),
                                .list = {"", "x"},
                                .table = {{"one", 1}, {"two", 2}},
                                .there = 3,
                                .absent = {},
                                .either = "third"};

std::string written(const auto&... values) {
  Writer writer;
  writer(values...);
  return writer.bytes();
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

template <class T>
T read(const std::string& bytes) {
  T value{};
  Reader reader("file", bytes_of(bytes), 100);
  reader(value);
  reader.expect_end();
  return value;
}

TEST(Archive, GivesBackWhatWasWritten) { EXPECT_EQ(read<Everything>(written(kEverything)), kEverything); }

TEST(Archive, IsLittleEndianWithoutGaps) {
  EXPECT_EQ(written(true, 0x01020304), std::string("\x01\x04\x03\x02\x01", 5));
  EXPECT_EQ(written(std::string("ab")), std::string("\x02\0\0\0\0\0\0\0ab", 10));
}

TEST(Archive, RefusesEveryCut) {
  const std::string bytes = written(kEverything);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THROW(read<Everything>(bytes.substr(0, size)), Error) << size;
}

TEST(Archive, RefusesBytesBehindTheEnd) {
  EXPECT_THAT(test::message_of([] { read<int>(written(1) + "x"); }),
              HasSubstr("file: byte 104: expected the end of this part, found 1 more bytes"));
}

TEST(Archive, RefusesALengthBeyondTheBytesLeftBeforeItAllocates) {
  for (const std::uint64_t length : {std::uint64_t{1}, ~std::uint64_t{0}}) {
    const std::string bytes = written(length);
    EXPECT_THAT(test::message_of([&] { read<std::string>(bytes); }), HasSubstr("only 0 bytes are left"));
    EXPECT_THAT(test::message_of([&] { read<std::vector<int>>(bytes); }), HasSubstr("only 0 bytes are left"));
    EXPECT_THAT(test::message_of([&] { (read<std::map<std::string, int>>(bytes)); }),
                HasSubstr("only 0 bytes are left"));
  }
}

TEST(Archive, RefusesValuesThatAreNone) {
  EXPECT_THAT(test::message_of([] { read<bool>("\x02"); }), HasSubstr("truth value 2: expected 0 to 1"));
  EXPECT_THAT(test::message_of([] { read<Colour>("\x02"); }), HasSubstr("enumeration 2: expected 0 to 1"));
  EXPECT_THAT(test::message_of([] { (read<std::variant<int, bool>>("\x07")); }),
              HasSubstr("kind 7: expected 0 to 1"));
}

}  // namespace
}  // namespace octet::save
