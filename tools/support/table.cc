#include "tools/support/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstdio>

#include "octet/error.h"

namespace octet::tools {
namespace {

void append_line(std::string& text, const std::vector<Table::Column>& columns,
                 const std::vector<std::size_t>& widths, const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += "  ";
    line += columns[i].align == Table::Align::kRight ? fmt::format("{:>{}}", cells[i], widths[i])
                                                     : fmt::format("{:<{}}", cells[i], widths[i]);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + '\n';
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add_row(std::vector<std::string> cells) {
  assert(cells.size() == columns_.size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::to_string() const {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) {
    titles.push_back(column.title);
    widths.push_back(column.title.size());
  }
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  append_line(text, columns_, widths, titles);
  for (const auto& row : rows_) append_line(text, columns_, widths, row);
  return text;
}

std::string Table::to_markdown() const {
  std::string text = "|", rule = "|";
  for (const Column& column : columns_) {
    text += ' ' + column.title + " |";
    rule += column.align == Align::kRight ? "---:|" : "---|";
  }
  text += '\n' + rule + '\n';
  for (const auto& row : rows_) {
    text += '|';
    for (const std::string& cell : row) text += ' ' + cell + " |";
    text += '\n';
  }
  return text;
}

void Table::print() const { std::fputs(to_string().c_str(), stdout); }

std::string with_separators(std::int64_t value) {
  const std::string digits = std::to_string(value);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const bool after_a_digit = i > 0 && digits[i - 1] != '-';
    if (after_a_digit && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

}  // namespace octet::tools
