// Calibration files. Their checksum refuses any change, so what was changed is also read with the right one.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "fuzz/accepts.h"
#include "fuzz/targets/networks.h"
#include "fuzz/targets/targets.h"
#include "octet/calibration.h"
#include "octet/hash.h"

namespace octet::fuzz {
namespace {

/// With the checksum that its content has, if it is JSON at all.
std::string resealed(std::string_view text) {
  using Json = nlohmann::ordered_json;
  Json document = Json::parse(text, nullptr, false);
  if (!document.is_object()) return {};
  document.erase("checksum");
  try {
    const std::string content = document.dump();
    document["checksum"] = hash_bytes(std::as_bytes(std::span(content)));
    return document.dump();
  } catch (const Json::exception&) {
    return {};  // text that is not UTF-8
  }
}

void read(std::string_view text) {
  const Calibration calibration = Calibration::from_json(text, "calibration.json");
  Calibration::from_json(calibration.to_json(), "again.json");
  build_small_network(calibration);
}

}  // namespace

bool read_calibration(Input input) {
  const std::string_view text = text_of(input);
  const bool accepted = accepts([&] { read(text); });
  if (!accepted) {
    if (const std::string sealed = resealed(text); !sealed.empty()) accepts([&] { read(sealed); });
  }
  return accepted;
}

Seeds calibration_seeds() { return {{"small.json", small_calibration().to_json()}}; }

}  // namespace octet::fuzz
