// Text tables: columns as wide as their widest cell, numbers to the right.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace octet::tools {

class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns);
  /// As many cells as columns; names out of files among them are made printable.
  void add_row(std::vector<std::string> cells);
  std::string to_string() const;
  /// For a page that renders Markdown.
  std::string to_markdown() const;
  void print() const;  // on stdout

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};
constexpr auto kRight = Table::Align::kRight;

/// 1234567 -> "1,234,567".
std::string with_separators(std::int64_t value);

}  // namespace octet::tools
