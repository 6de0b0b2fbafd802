// The tables of csv/: every list of rows in results.json as it is, one column a member.
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lab/bundle/results.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

/// A spreadsheet takes a text that begins like this for a formula, which can call programs; layers and
/// engines have their names from files. The apostrophe makes it a text there (docs/study-bundle.md).
std::string not_a_formula(std::string text) {
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos)
    text.insert(text.begin(), '\'');
  return text;
}

// RFC 4180: quoted where it must be.
std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string plain_cell(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return not_a_formula(value.get<std::string>());
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string cell(const Json& value) {
  if (!value.is_array()) return plain_cell(value);
  std::string joined;
  for (const Json& item : value) joined += (joined.empty() ? "" : "; ") + plain_cell(item);
  return joined;
}

/// "images_per_second.median" -> the member of a member; null where there is none.
const Json& member(const Json& row, const std::string& path) {
  static const Json kNone;
  const Json* value = &row;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t dot = std::min(path.find('.', start), path.size());
    if (!value->is_object()) return kNone;
    const auto found = value->find(path.substr(start, dot - start));
    if (found == value->end()) return kNone;
    value = &*found;
    start = dot + 1;
  }
  return *value;
}

/// Reasons by their codes: the texts are in results.json.
std::string codes(const Json& reasons) {
  std::string joined;
  if (reasons.is_array())
    for (const Json& reason : reasons)
      joined += (joined.empty() ? "" : "; ") + plain_cell(member(reason, "code"));
  return joined;
}

class Table {
 public:
  /// Columns are paths of members, "energy.watts"; their titles have _ for the dots.
  Table(std::string name, std::vector<std::string> columns)
      : name_(std::move(name)), columns_(std::move(columns)) {
    for (const std::string& column : columns_) add_cell(header_of(column), &column == &columns_.front());
    text_ += "\r\n";
  }
  /// `inner` first, then `outer`: a layer's row takes its network from the row of all layers.
  void add(const Json& inner, const Json& outer) {
    for (const std::string& column : columns_) {
      const Json& own = member(inner, column);
      const Json& value = own.is_null() ? member(outer, column) : own;
      add_cell(column == "reasons" ? codes(value) : cell(value), &column == &columns_.front());
    }
    text_ += "\r\n";
  }
  void add_all(const Json& rows) {
    if (rows.is_array())
      for (const Json& row : rows) add(row, row);
  }
  /// A row for each of the rows that a row has under `key`; its own where it has none (not measured).
  void add_nested(const Json& rows, const char* key) {
    if (!rows.is_array()) return;
    for (const Json& row : rows) {
      const Json& inner = member(row, key);
      if (!inner.is_array() || inner.empty()) add(row, row);
      if (!inner.is_array()) continue;
      for (const Json& each : inner) add(each, row);
    }
  }
  CsvTable done() && { return {std::move(name_), std::move(text_)}; }

 private:
  static std::string header_of(std::string column) {
    for (char& c : column)
      if (c == '.') c = '_';
    return column;
  }
  void add_cell(const std::string& text, bool first) {
    if (!first) text_ += ',';
    text_ += quoted(text);
  }

  std::string name_;
  std::vector<std::string> columns_;
  std::string text_;
};

using Columns = std::vector<std::string>;
const Columns kOutcome = {"outcome", "needed_bytes", "limit_bytes", "predicted_s", "reason", "error"};

Columns operator+(Columns a, const Columns& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

CsvTable energy_table(const Json& results) {
  Table table("energy.csv", {"record",
                             "network",
                             "precision",
                             "batch",
                             "ranks",
                             "engine",
                             "way",
                             "energy.kind",
                             "energy.meters",
                             "energy.modelled",
                             "energy.watts",
                             "energy.watts_uncertainty",
                             "energy.idle_watts",
                             "energy.images_per_joule",
                             "energy.images_per_joule_uncertainty",
                             "energy.images_per_joule_above_idle",
                             "energy.above_idle_uncertainty",
                             "energy.coverage",
                             "energy.sampling_hz",
                             "verdict"});
  const auto add = [&](const Json& row, const Json& outer) {
    if (!member(row, "energy").is_null()) table.add(row, outer);
  };
  for (const Json& row : member(results, "throughput")) add(row, row);
  for (const Json& series : member(results, "scaling"))
    for (const Json& row : member(series, "rows")) add(row, series);
  return std::move(table).done();
}

}  // namespace

std::vector<CsvTable> derive_csv(const Json& results) {
  std::vector<CsvTable> tables;
  const auto add = [&](Table table, const char* section, const char* nested = nullptr) {
    const Json& rows = member(results, section);
    if (nested == nullptr)
      table.add_all(rows);
    else
      table.add_nested(rows, nested);
    tables.push_back(std::move(table).done());
  };
  const Columns rates = {"images_per_second.median", "images_per_second.min", "images_per_second.max",
                         "images_per_second.mean",   "images_per_second.cv",  "images_per_second.ci95"};
  add(Table("throughput.csv",
            Columns{"record", "network", "precision", "batch", "engine", "version", "way", "threads", "isa"} +
                kOutcome + rates +
                Columns{"total_images_per_second", "latency_ms.mean", "latency_ms.p50", "latency_ms.p90",
                        "latency_ms.p99", "latency_ms.min", "latency_ms.max", "calls", "memory_bytes",
                        "engine_hash", "output_hash", "calibration", "verdict", "reasons"}),
      "throughput");
  add(Table("comparisons.csv", {"network", "precision", "batch", "engine", "version", "way", "ratio.median",
                                "ratio.ci95", "rounds"}),
      "comparisons");
  add(Table("speedups.csv", {"network", "precision", "over", "batch", "ratio.median", "ratio.ci95"}),
      "speedups");
  add(Table("ladder.csv", Columns{"record", "network", "precision", "batch", "isa"} + kOutcome + rates +
                              Columns{"relative", "verdict", "reasons"}),
      "ladder");
  add(Table("server.csv", Columns{"record", "network", "precision"} + kOutcome +
                              Columns{"max_batch", "highest_qps", "qps", "requests", "p50_ms", "p99_ms",
                                      "kept", "verdict", "reasons"}),
      "server", "trials");
  add(Table("scaling.csv", Columns{"record", "network", "precision", "batch", "ranks"} + kOutcome +
                               Columns{"images_per_second", "sum_of_rates", "efficiency", "skew_ms",
                                       "serial_fraction", "verdict", "reasons"}),
      "scaling", "rows");
  tables.push_back(energy_table(results));
  add(Table("accuracy.csv", Columns{"record", "network"} + kOutcome +
                                Columns{"data", "protocol", "images", "precision", "top1", "top1_ci95",
                                        "top5", "top5_ci95", "agreement"}),
      "accuracy", "results");
  add(Table("accuracy-paired.csv", Columns{"record", "network"} + kOutcome +
                                       Columns{"precision", "against", "delta_top1", "ci95", "mcnemar_p",
                                               "lost", "gained", "changed"}),
      "accuracy", "paired");
  add(Table("layers.csv", Columns{"record", "network", "precision", "batch", "threads", "isa"} + kOutcome +
                              Columns{"layer", "op", "kernel", "ms", "share", "gops", "peak_share", "gbps",
                                      "bound", "bound_ms", "bound_share", "wait_ms"}),
      "layers", "layers");
  add(Table("waterfall.csv",
            Columns{"record", "network", "precision", "batch"} + kOutcome + Columns{"step", "ms", "text"}),
      "layers", "waterfall");
  add(Table("calibration.csv", Columns{"record", "network"} + kOutcome +
                                   Columns{"method", "weight_rounding", "data", "images", "name", "type",
                                           "scale", "zero_point", "min", "max", "clipped_share"}),
      "calibration", "tensors");
  add(Table("projected.csv",
            Columns{"record", "network", "precision", "target"} + kOutcome +
                Columns{"batch", "devices", "images_per_second", "latency_ms", "fits", "needed_bytes"}),
      "projected", "rows");
  return tables;
}

}  // namespace octet::lab
