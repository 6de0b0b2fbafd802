#include "lab/power/wall_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lab/support/files.h"
#include "lab/support/text.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr std::uintmax_t kMaxBytes = std::uintmax_t{256} << 20;
constexpr double kLatestTime = 7.3e9;  // s since 1970: in the year 2201
constexpr double kMostLoggedWatts = 1e9;
constexpr std::array kTimeNames = {"time", "timestamp", "date", "datetime", "unix", "time_s", "unix_s"};
constexpr std::array kWattNames = {"watts", "watt", "w", "power", "power_w", "power (w)", "power [w]"};

/// Without quotes round a field; a delimiter between quotes is part of it.
std::vector<std::string> split(std::string_view line, char delimiter) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == delimiter && !quoted)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  for (std::string& field : fields) field = std::string(trimmed(field));
  return fields;
}

std::optional<double> to_double(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// Takes digits off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  int value = 0;
  if (text.size() < count) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, value);
  if (error != std::errc() || end != text.data() + count || text[0] == '-') return std::nullopt;
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// ".25" -> 250,000,000 ns; nothing else is taken.
std::optional<Nanoseconds> take_fraction(std::string_view& text) {
  if (!take(text, ".,")) return 0;
  Nanoseconds value = 0;
  Nanoseconds unit = 1'000'000'000;
  const std::size_t before = text.size();
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    unit /= 10;
    value += unit * (text[0] - '0');
    text.remove_prefix(1);
  }
  return text.size() < before ? std::optional(value) : std::nullopt;
}

/// "Z", "+02:00", "+0200", "+02" or nothing, which is UTC; seconds east of Greenwich.
std::optional<int> take_zone(std::string_view& text) {
  if (text.empty() || take(text, "Zz")) return 0;
  const int sign = text[0] == '-' ? -1 : 1;
  if (!take(text, "+-")) return std::nullopt;
  const auto hours = take_digits(text, 2);
  std::optional<int> minutes = 0;
  if (take(text, ":") || !text.empty()) minutes = take_digits(text, 2);
  if (!hours || !minutes || *hours > 15 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

/// "2026-11-22T10:15:00.5+01:00", also with a space for the T.
std::optional<Nanoseconds> parse_iso_8601(std::string_view text) {
  const auto year = take_digits(text, 4);
  const bool dash1 = take(text, "-");
  const auto month = take_digits(text, 2);
  const bool dash2 = take(text, "-");
  const auto day = take_digits(text, 2);
  const bool separator = take(text, "Tt ");
  const auto hour = take_digits(text, 2);
  const bool colon1 = take(text, ":");
  const auto minute = take_digits(text, 2);
  const bool colon2 = take(text, ":");
  const auto second = take_digits(text, 2);
  if (!(year && dash1 && month && dash2 && day && separator && hour && colon1 && minute && colon2 && second))
    return std::nullopt;
  const auto fraction = take_fraction(text);
  const auto zone = take_zone(text);
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!fraction || !zone || !text.empty() || !date.ok() || *year < 1970 || *year > 2200 || *hour > 23 ||
      *minute > 59 || *second > 60)
    return std::nullopt;
  const Nanoseconds days = std::chrono::sys_days(date).time_since_epoch().count();
  return (days * 86400 + *hour * 3600 + *minute * 60 + *second - *zone) * 1'000'000'000 + *fraction;
}

std::optional<Nanoseconds> parse_time(std::string_view text) {
  const auto unix_s = to_double(text);
  if (!unix_s) return parse_iso_8601(text);
  if (*unix_s < 0 || *unix_s > kLatestTime) return std::nullopt;
  return nanoseconds(*unix_s);
}

int decimals(std::string_view number) {
  const std::size_t point = number.find('.');
  return point == std::string_view::npos ? 0 : static_cast<int>(number.size() - point - 1);
}

/// Walks the lines and knows where it is.
class LogReader {
 public:
  LogReader(std::string file, std::string_view text) : file_(std::move(file)), text_(text) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  }

  WallLog read() {
    read_header();
    WallLog log;
    int most_decimals = 0;
    while (const auto line = next_line()) {
      const PowerSample sample = parse_sample(*line, most_decimals);
      if (!log.samples.empty() && sample.time <= log.samples.back().time)
        fail(fmt::format("expected a time after the line's before, got '{}'", *line));
      log.samples.push_back(sample);
    }
    log.resolution = std::pow(10.0, -std::min(most_decimals, 6));
    log.interval_s = median_interval(log.samples);
    return log;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kParse, fmt::format("{}:{}: {}", file_, line_, what.substr(0, 300)));
  }

  /// The next line that is whole and neither empty nor a comment.
  std::optional<std::string_view> next_line() {
    for (std::size_t end = text_.find('\n'); end != std::string_view::npos; end = text_.find('\n')) {
      const std::string_view line = trimmed(text_.substr(0, end));
      text_.remove_prefix(end + 1);
      ++line_;
      if (!line.empty() && line[0] != '#') return line;
    }
    return std::nullopt;
  }

  std::size_t column(const std::vector<std::string>& header, std::span<const char* const> names) const {
    for (std::size_t i = 0; i < header.size(); ++i) {
      std::string name = header[i];
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      if (std::find(names.begin(), names.end(), name) != names.end()) return i;
    }
    fail(fmt::format("expected a header line with the columns 'time' and 'watts', got no '{}'", names[0]));
  }

  void read_header() {
    const auto line = next_line();
    if (!line) {
      line_ = 1;
      fail("expected a header line with the columns 'time' and 'watts', got none");
    }
    delimiter_ = line->find(';') != std::string_view::npos ? ';' : ',';
    const std::vector<std::string> header = split(*line, delimiter_);
    time_column_ = column(header, kTimeNames);
    watts_column_ = column(header, kWattNames);
  }

  PowerSample parse_sample(std::string_view line, int& most_decimals) const {
    std::vector<std::string> fields = split(line, delimiter_);
    if (fields.size() <= std::max(time_column_, watts_column_))
      fail(fmt::format("expected at least {} fields between '{}', got '{}'",
                       std::max(time_column_, watts_column_) + 1, delimiter_, line));
    // Spreadsheets that part fields by semicolons write decimal commas.
    if (delimiter_ == ';') {
      std::replace(fields[watts_column_].begin(), fields[watts_column_].end(), ',', '.');
      std::replace(fields[time_column_].begin(), fields[time_column_].end(), ',', '.');
    }
    const auto time = parse_time(fields[time_column_]);
    if (!time)
      fail(fmt::format("expected seconds since 1970 or a time as 2026-11-22T10:15:00Z, got '{}'",
                       fields[time_column_]));
    const auto watts = to_double(fields[watts_column_]);
    if (!watts || *watts < 0 || *watts > kMostLoggedWatts)
      fail(fmt::format("expected watts, got '{}'", fields[watts_column_]));
    most_decimals = std::max(most_decimals, decimals(fields[watts_column_]));
    return {*time, *watts};
  }

  static double median_interval(std::span<const PowerSample> samples) {
    std::vector<Nanoseconds> steps;
    for (std::size_t i = 1; i < samples.size(); ++i) steps.push_back(samples[i].time - samples[i - 1].time);
    if (steps.empty()) return 1;
    const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
    std::nth_element(steps.begin(), middle, steps.end());
    return seconds(*middle);
  }

  std::string file_;
  std::string_view text_;
  int line_ = 0;
  char delimiter_ = ',';
  std::size_t time_column_ = 0;
  std::size_t watts_column_ = 0;
};

}  // namespace

WallLog read_wall_log(const std::filesystem::path& file) {
  const std::string text = read_file(file, kMaxBytes);
  return LogReader(file.string(), text).read();
}

}  // namespace octet::lab
