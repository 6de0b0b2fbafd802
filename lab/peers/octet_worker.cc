#include "lab/peers/octet_worker.h"

#include <fmt/format.h>

#include <fstream>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

#include "lab/support/files.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

Json input(OctetSystem& system, const Json& command) {
  const auto name = command.at("file").get<std::string>();
  const std::span<std::byte> images = system.input();
  std::ifstream file(name, std::ios::binary);
  if (!file) throw Error(ErrorCode::kNotFound, fmt::format("{}: there is no such file", name));
  file.read(reinterpret_cast<char*>(images.data()), static_cast<std::streamsize>(images.size()));
  const std::streamsize got = file.gcount();
  if (static_cast<std::size_t>(got) != images.size())
    throw Error(ErrorCode::kMismatch, fmt::format("{}: expected {} bytes for {} images, got {}", name,
                                                  images.size(), system.info().max_batch, got));
  return Json::object();
}

int positive(const Json& command, const char* key) {
  const int value = command.at(key).get<int>();
  if (value < 1)
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: expected 1 or more, got {}", key, value));
  return value;
}

Json run(OctetSystem& system, const Json& command) {
  const int batch = positive(command, "batch");
  const int count = positive(command, "count");
  std::vector<Call> calls;
  system.run_timed(batch, count, system_clock(), calls);
  Json start = Json::array();
  Json stop = Json::array();
  for (const Call& call : calls) {
    start.push_back(call.start);
    stop.push_back(call.stop);
  }
  return {{"start_ns", std::move(start)}, {"stop_ns", std::move(stop)}};
}

Json rate(OctetSystem& system, const Json& command) {
  const int batch = positive(command, "batch");
  const int count = positive(command, "count");
  const Nanoseconds start = system_clock().now();
  for (int i = 0; i < count; ++i) system.run(batch);
  return {{"start_ns", start}, {"stop_ns", system_clock().now()}};
}

Json output(OctetSystem& system, const Json& command) {
  const int batch = positive(command, "batch");
  system.run(batch);
  const std::span<const float> values = system.output(batch);
  write_file(command.at("file").get<std::string>(),
             {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  return {{"shape", {batch, values.size() / static_cast<std::size_t>(batch)}}};
}

Json answer(OctetSystem& system, const std::string& line) {
  try {
    const Json command = Json::parse(line);
    const auto what = command.at("do").get<std::string>();
    if (what == "input") return input(system, command);
    if (what == "run") return run(system, command);
    if (what == "rate") return rate(system, command);
    if (what == "output") return output(system, command);
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("do: expected input, run, rate or output, got '{}'", what));
  } catch (const Error& error) {
    return {{"error", error.what()}};
  } catch (const Json::exception& error) {
    return {{"error", fmt::format("bad command: {}", error.what())}};
  }
}

}  // namespace

void serve(OctetSystem& system, std::istream& commands, std::ostream& answers) {
  for (std::string line; std::getline(commands, line);)
    answers << answer(system, line).dump(-1, ' ', false, Json::error_handler_t::replace) << '\n'
            << std::flush;
}

}  // namespace octet::lab
