// What the laboratory reads: a study's configuration, and the records that everything else is derived from.
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/accepts.h"
#include "fuzz/targets/targets.h"
#include "lab/bundle/json_text.h"
#include "lab/bundle/results.h"
#include "lab/bundle/test_bundle.h"
#include "lab/study/config.h"
#include "lab/support/json.h"

namespace octet::fuzz {
namespace {

/// A bundle in one file: its header and its records.
constexpr const char* kSchema = "octet.fuzz-study/1";

}  // namespace

bool read_study_config(Input input) {
  return accepts([&] {
    const lab::StudyConfig config = lab::parse_config(text_of(input), "study.toml", "/nowhere");
    accepts([&] { lab::check(config); });
    lab::parse_config(lab::write_config(config), "again.toml", "/nowhere");
  });
}

Seeds study_config_seeds() {
  return {{"quick.toml", std::string(lab::quick_config_text())},
          {"full.toml", std::string(lab::full_config_text())}};
}

bool derive_study(Input input) {
  return accepts([&] {
    const lab::Json study = lab::parse_json(text_of(input), "study.json");
    lab::check_schema(study, kSchema, "study.json");
    if (!study.contains("study") || !study.contains("records") || !study["records"].is_array()) return;
    const auto records = study["records"].get<std::vector<lab::Json>>();
    const lab::Json results = lab::derive_results(lab::study_header_from(study["study"]), records);
    lab::derive_csv(results);
    lab::format_json(results);
  });
}

Seeds study_seeds() {
  Seeds seeds;
  // One record a seed, so that a mutation meets what it is about, and all in one.
  const std::vector<lab::Json> records = test::test_records();
  const auto seed = [&](const std::string& name, const lab::Json& some) {
    const lab::Json study = {
        {"schema", kSchema}, {"study", lab::to_json(test::test_header())}, {"records", some}};
    seeds.push_back({name + ".json", lab::format_json(study)});
  };
  std::string last;
  for (const lab::Json& record : records) {
    const std::string kind = record.at("kind").get<std::string>();
    if (kind != last) seed(kind, lab::Json::array({record}));
    last = kind;
  }
  seed("whole", records);
  return seeds;
}

}  // namespace octet::fuzz
