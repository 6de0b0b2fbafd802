#include "lab/peers/peer_environment.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "lab/peers/worker.h"
#include "lab/support/json.h"
#include "lab/support/suggest.h"
#include "octet/error.h"

namespace octet::lab {
namespace fs = std::filesystem;
namespace {

constexpr double kDescribeTimeout = 120;  // seconds; the first import of a fresh installation compiles it
constexpr int kFoldersAbove = 4;          // build/release/bin/octet lies three below the checkout

std::string text_of(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::pair<std::string, std::string> version_or_missing(const Json& object, const std::string& name) {
  const auto entry = object.is_object() ? object.find(name) : object.end();
  if (entry == object.end()) return {"", "not in the worker's answer"};
  std::string version = text_of(*entry, "version");
  std::string missing = text_of(*entry, "missing");
  if (version.empty() && missing.empty()) missing = "it does not tell its version";
  return {std::move(version), std::move(missing)};
}

PeerEnvironment without_peers(const fs::path& python, const std::string& reason) {
  PeerEnvironment environment;
  environment.python = python;
  for (const std::string& name : peer_names()) environment.engines.push_back({name, "", reason});
  environment.quantizer_missing = reason;
  return environment;
}

PeerEnvironment ask_python(const fs::path& python) {
  try {
    Worker worker(python.string(), python.string());
    const Json answer = worker.ask({{"do", "describe"}}, kDescribeTimeout);
    PeerEnvironment environment;
    environment.python = python;
    environment.python_version = text_of(answer, "python");
    const Json engines = answer.value("engines", Json::object());
    for (const std::string& name : peer_names()) {
      auto [version, missing] = version_or_missing(engines, name);
      environment.engines.push_back({name, std::move(version), std::move(missing)});
    }
    environment.quantizer_missing = version_or_missing(answer, "quantizer").second;
    return environment;
  } catch (const Error& error) {
    return without_peers(python, error.what());
  }
}

bool has_peer(const PeerEnvironment& environment) {
  return std::any_of(environment.engines.begin(), environment.engines.end(),
                     [](const PeerEngine& engine) { return engine.usable(); });
}

std::vector<fs::path> places_to_look() {
  const fs::path in_folder = fs::path(".venv-peers") / "bin" / "python";
  std::vector<fs::path> places{in_folder};
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (int i = 0; i < kFoldersAbove && folder.has_relative_path(); ++i, folder = folder.parent_path())
    places.push_back(folder / in_folder);
  if (const auto python = find_program("python3")) places.push_back(*python);
  std::erase_if(places, [](const fs::path& place) { return !find_program(place.string()); });
  return places;
}

}  // namespace

const PeerEngine& PeerEnvironment::require(std::string_view engine) const {
  const auto& names = peer_names();
  const auto name = std::find(names.begin(), names.end(), engine);
  if (name == names.end())
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("expected an engine, got '{}'{}", engine, did_you_mean(engine, names)));
  const auto found =
      std::find_if(engines.begin(), engines.end(), [&](const PeerEngine& e) { return e.engine == engine; });
  if (python.empty() || found == engines.end())
    throw Error(ErrorCode::kNotFound,
                fmt::format("{} needs Python, and there is none. {}", engine, how_to_get_peers()));
  if (!found->usable())
    throw Error(ErrorCode::kNotFound, fmt::format("{} cannot be used from {}: {}. {}", engine,
                                                  python.string(), found->missing, how_to_get_peers()));
  return *found;
}

const std::vector<std::string>& peer_names() {
  static const std::vector<std::string> names{"onnxruntime", "openvino"};
  return names;
}

std::string how_to_get_peers() {
  return "In a checkout, scripts/study --engines and scripts/compare-peers set the peers up in .venv-peers. "
         "Elsewhere: python3 -m venv "
         ".venv-peers && .venv-peers/bin/pip install -r scripts/requirements-peers.txt";
}

PeerEnvironment find_peers(const std::string& python) {
  if (!python.empty()) {
    const auto program = find_program(python);
    if (!program)
      throw Error(ErrorCode::kNotFound,
                  fmt::format("{}: expected a Python, there is no such program", python));
    return ask_python(*program);
  }
  PeerEnvironment last = without_peers({}, "there is no Python");
  for (const fs::path& place : places_to_look()) {
    last = ask_python(place);
    if (has_peer(last)) break;
  }
  return last;
}

}  // namespace octet::lab
