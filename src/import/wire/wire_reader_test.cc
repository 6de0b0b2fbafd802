#include "import/wire/wire_reader.h"

#include <gtest/gtest.h>

#include <functional>

#include "octet/error.h"
#include "tests/support/temporary_directory.h"

namespace octet::wire {
namespace {

class Wire : public testing::Test {
 protected:
  std::vector<Field> read(const std::string& bytes) {
    const InputFile file(directory_.write("f", bytes));
    FileWindow window(file);
    WireReader reader(window, 0, file.size());
    std::vector<Field> fields;
    while (const auto field = reader.next()) fields.push_back(*field);
    return fields;
  }
  std::string error(const std::string& bytes) {
    try {
      read(bytes);
    } catch (const Error& e) {
      EXPECT_EQ(static_cast<int>(e.code()), static_cast<int>(ErrorCode::kParse));
      return e.what();
    }
    return "no error";
  }
  const test::TemporaryDirectory directory_;
};

TEST_F(Wire, EveryWireTypeIsRead) {
  const auto fields = read(std::string("\x08\x96\x01", 3) +
                           "\x12\x03"
                           "abc" +
                           "\x1d"
                           "1234" +
                           "\x21"
                           "12345678");
  ASSERT_EQ(fields.size(), 4u);
  EXPECT_EQ(fields[0].value, 150u);
  EXPECT_EQ(fields[1].number, 2u);
  EXPECT_EQ(fields[1].begin, 5u);
  EXPECT_EQ(fields[1].size(), 3u);
  EXPECT_EQ(fields[2].size(), 4u);
  EXPECT_EQ(fields[3].size(), 8u);
}

TEST_F(Wire, BytesInMemoryAreReadAsAFileIs) {
  const std::string bytes =
      "\x12\x03"
      "abc";
  const InputFile memory("memory", std::as_bytes(std::span(bytes)));
  EXPECT_EQ(memory.size(), 5u);
  FileWindow window(memory);
  WireReader reader(window, 0, memory.size());
  const auto field = reader.next();
  ASSERT_TRUE(field);
  EXPECT_EQ(WireReader::read_text(window, *field, 10), "abc");
  char to[2];
  EXPECT_THROW(memory.read(4, to, 2), Error);
  EXPECT_THROW(memory.read(6, to, 0), Error);
}

TEST_F(Wire, NegativeNumbersAreTenBytes) {
  const auto fields = read(std::string("\x08") + std::string(9, '\xff') + "\x01");
  ASSERT_EQ(fields.size(), 1u);
  EXPECT_EQ(static_cast<std::int64_t>(fields[0].value), -1);
}

TEST_F(Wire, FieldsAcrossTheBuffersEdgeAreWhole) {
  // A payload that ends two bytes before the buffer does, then a field that crosses it.
  const std::size_t payload = FileWindow::kSize - 6;
  std::string bytes = "\x0a";
  for (std::size_t rest = payload; rest > 0; rest >>= 7) {
    bytes += static_cast<char>((rest & 0x7f) | (rest >> 7 ? 0x80 : 0));
  }
  bytes += std::string(payload, 'x') + "\x10\xff\xff\xff\xff\x0f";
  const auto fields = read(bytes);
  ASSERT_EQ(fields.size(), 2u);
  EXPECT_EQ(fields[1].value, 0xffffffffu);
}

TEST_F(Wire, WhatDoesNotFitIsAnErrorWithItsByte) {
  EXPECT_NE(error("\x0a\x05"
                  "abc")
                .find("byte 0: field 1 says it has 5 bytes, but only 3 are left"),
            std::string::npos);
  EXPECT_NE(error("\x08\x01\x08").find("byte 3"), std::string::npos);
  EXPECT_NE(error(std::string("\x08") + std::string(20, '\xff')).find("more than 64 bits"),
            std::string::npos);
  EXPECT_NE(error("\x0b").find("wire type 3"), std::string::npos);
  EXPECT_NE(error(std::string("\0\1", 2)).find("not a protobuf field"), std::string::npos);
  EXPECT_NE(error(std::string("\x0a") + std::string(9, '\xff') + "\x01").find("18446744073709551615 bytes"),
            std::string::npos);
}

TEST_F(Wire, ReadingPastAFileThatShrankIsAnErrorNotACrash) {
  const auto path = directory_.write("f", std::string(100, 'x'));
  const InputFile file(path);
  std::filesystem::resize_file(path, 10);
  std::string to(100, '\0');
  EXPECT_THROW(file.read(0, to.data(), to.size()), Error);
}

}  // namespace
}  // namespace octet::wire
