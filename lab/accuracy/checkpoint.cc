#include "lab/accuracy/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <sstream>
#include <system_error>

#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/error.h"
#include "octet/hash.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

constexpr int kVersion = 1;

std::string hash_text(const std::string& text) { return hash_bytes(std::as_bytes(std::span(text))); }

// Sample, label, rank, classes.
Json to_json(const AccuracyResult& result) {
  Json predictions = Json::array();
  for (const Prediction& p : result.predictions) {
    Json row = {p.sample, p.label, p.rank};
    for (int top : p.top) row.push_back(top);
    predictions.push_back(std::move(row));
  }
  return predictions;
}

AccuracyResult result_from(const Json& predictions) {
  AccuracyResult result;
  for (const Json& row : predictions) {
    Prediction prediction{row.at(0).get<std::size_t>(), row.at(1).get<int>(), row.at(2).get<int>(), {}};
    for (std::size_t i = 3; i < row.size(); ++i) prediction.top.push_back(row[i].get<int>());
    if (prediction.top.empty()) throw Error(ErrorCode::kParse, "a prediction without a class");
    result.predictions.push_back(std::move(prediction));
  }
  result.images = static_cast<std::int64_t>(result.predictions.size());
  return result;
}

Json to_json(const Evaluation& evaluation) {
  Json results = Json::array(), broken = Json::array();
  for (const AccuracyResult& result : evaluation.results) results.push_back(to_json(result));
  for (const BrokenImage& image : evaluation.broken) broken.push_back({image.sample, image.message});
  return {{"done", evaluation.done}, {"broken", std::move(broken)}, {"results", std::move(results)}};
}

Evaluation evaluation_from(const Json& document) {
  Evaluation evaluation;
  evaluation.done = document.at("done").get<std::size_t>();
  for (const Json& image : document.at("broken"))
    evaluation.broken.push_back({image.at(0).get<std::size_t>(), image.at(1).get<std::string>()});
  for (const Json& predictions : document.at("results"))
    evaluation.results.push_back(result_from(predictions));
  return evaluation;
}

std::string checksum_of(const Json& document) {
  Json content = document;
  content.erase("checksum");
  return hash_text(content.dump());
}

void require_same(const fs::path& file, const char* what, const std::string& recorded,
                  const std::string& present) {
  if (recorded != present)
    throw Error(
        ErrorCode::kMismatch,
        fmt::format("{}: the interrupted measurement was of another {} ({}, now {}); remove the file to "
                    "begin anew",
                    file.string(), what, recorded, present));
}

void check_identity(const fs::path& file, const Json& document, const EvaluationIdentity& identity) {
  require_same(file, "network", document.at("network_hash").get<std::string>(), identity.network_hash);
  require_same(file, "preprocessing", document.at("preprocessing_hash").get<std::string>(),
               identity.preprocessing_hash);
  require_same(file, "set of pictures", document.at("data_hash").get<std::string>(), identity.data_hash);
  require_same(file, "list of engines",
               fmt::format("{}", fmt::join(document.at("engines").get<std::vector<std::string>>(), "; ")),
               fmt::format("{}", fmt::join(identity.engines, "; ")));
}

}  // namespace

std::string listing_hash(const Dataset& dataset) {
  fs::path folder = dataset.empty() ? fs::path() : dataset.front().path.parent_path();
  for (const Sample& sample : dataset)
    while (!folder.empty() && folder != folder.root_path() &&
           sample.path.lexically_relative(folder).generic_string().starts_with(".."))
      folder = folder.parent_path();
  std::string listing;
  for (const Sample& sample : dataset) {
    std::error_code no_file;  // a drawn picture, or one that is found missing later
    const std::uintmax_t bytes = fs::file_size(sample.path, no_file);
    listing += fmt::format("{}\t{}\t{}\n", sample.path.lexically_relative(folder).generic_string(),
                           no_file ? 0 : bytes, sample.label.value_or(-1));
  }
  return hash_text(listing);
}

std::string evaluation_text(const Evaluation& evaluation) { return to_json(evaluation).dump(); }

Evaluation evaluation_from(const std::string& text) {
  try {
    return evaluation_from(Json::parse(text));
  } catch (const Json::exception& fault) {
    throw Error(ErrorCode::kParse, fmt::format("expected predictions, got other text: {}", fault.what()));
  }
}

void save_checkpoint(const fs::path& file, const EvaluationIdentity& identity, const Evaluation& evaluation) {
  Json document = {{"octet_accuracy_checkpoint", kVersion},
                   {"network_hash", identity.network_hash},
                   {"preprocessing_hash", identity.preprocessing_hash},
                   {"data_hash", identity.data_hash},
                   {"engines", identity.engines}};
  document.update(to_json(evaluation));
  document["checksum"] = checksum_of(document);
  write_file(file, document.dump() + '\n');
}

std::optional<Evaluation> load_checkpoint(const fs::path& file, const EvaluationIdentity& identity) {
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw Error(ErrorCode::kIo, fmt::format("{}: cannot be read", file.string()));
  const auto unusable = [&](const std::string& why) {
    return Error(ErrorCode::kParse,
                 fmt::format("{}: expected the checkpoint of an interrupted octet accuracy, "
                             "but {}; remove the file to begin anew",
                             file.string(), why));
  };
  try {
    const Json document = Json::parse(text.str());
    if (document.at("octet_accuracy_checkpoint") != kVersion) throw unusable("it is of another version");
    if (document.at("checksum") != checksum_of(document))
      throw unusable("its checksum is wrong: it was edited");
    check_identity(file, document, identity);
    return evaluation_from(document);
  } catch (const Json::exception& fault) {
    throw unusable(fmt::format("it is not ({})", fault.what()));
  }
}

}  // namespace octet::lab
