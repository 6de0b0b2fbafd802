#include "tools/octet/bench_samples.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "lab/bundle/record.h"
#include "lab/support/files.h"
#include "octet/error.h"
#include "octet/hash.h"
#include "tools/support/defer_interrupt.h"

namespace octet::tools {
namespace {

/// What may stand in a key.
std::string key_part(std::string name) {
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '_'; }, '-');
  return name;
}

/// From the start of the first call to the end of the last.
Json new_record(const char* kind, const lab::SystemInfo& info, lab::Nanoseconds start,
                lab::Nanoseconds stop) {
  const std::string options = lab::to_json(info).dump();
  return {{"schema", lab::kRecordSchema},
          {"key", fmt::format("{}/{}/{}", kind, key_part(info.network), info.precision)},
          {"kind", kind},
          {"outcome", "measured"},
          {"depends", hash_bytes(std::as_bytes(std::span(options)))},
          {"started_unix_s", lab::seconds(start + lab::unix_offset())},
          {"seconds", lab::seconds(stop - start)},
          {"octet", lab::octet_build()},
          {"network", info.network},
          {"precision", info.precision}};
}

Json to_json(const lab::Warmup& warmup) {
  return {{"calls", warmup.calls}, {"seconds", warmup.seconds}, {"steady", warmup.steady}};
}

}  // namespace

void check_samples_file(const std::string& file) {
  const std::filesystem::path path(file);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (std::filesystem::is_directory(path))
    throw Error(ErrorCode::kIo, fmt::format("--samples: expected a file, {} is a folder", file));
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    throw Error(ErrorCode::kIo, fmt::format("--samples: {}: {}", folder.string(), std::strerror(errno)));
}

Json throughput_record(const lab::SystemInfo& info, const std::string& output_hash, int batch,
                       const lab::ObservedMeasurement& measured, std::span<const lab::PowerTrace> power) {
  const lab::Measurement& measurement = measured.measurement;
  Json record =
      new_record("throughput", info, measurement.calls.front().start, measurement.calls.back().stop);
  record["key"] = fmt::format("{}/b{}", record["key"].get<std::string>(), batch);
  record["batch"] = batch;
  Json system = {{"info", lab::to_json(info)}, {"output_hash", output_hash}};
  system.update(lab::to_json(measurement));
  system["observation"] = Json::array();
  for (const lab::Observation& observation : measured.observations)
    system["observation"].push_back(lab::to_json(observation));
  system["power"] = Json::array();
  for (const lab::PowerTrace& trace : power) system["power"].push_back(lab::to_json(trace));
  record["systems"] = Json::array({std::move(system)});
  return record;
}

Json server_record(const lab::SystemInfo& info, const lab::ServerSettings& settings,
                   const lab::ObservedSearch& search) {
  const std::vector<lab::Trial>& trials = search.search.trials;
  Json record = new_record("server", info, trials.front().arrival.front(), trials.back().done.back());
  record["max_batch"] = settings.max_batch;
  record["p99_ms"] = settings.p99_ms;
  record["seed"] = settings.seed;
  record["info"] = lab::to_json(info);
  record["warmup"] = to_json(search.search.warmup);
  record["trials"] = Json::array();
  for (std::size_t t = 0; t < trials.size(); ++t) {
    Json trial = lab::to_json(trials[t]);
    trial["observation"] = lab::to_json(search.observations[t]);
    record["trials"].push_back(std::move(trial));
  }
  return record;
}

void write_samples(const std::string& file, const Json& record) {
  const std::string text = record.dump() + "\n";
  const DeferInterrupt until_written;
  lab::write_file(file, text);
}

}  // namespace octet::tools
