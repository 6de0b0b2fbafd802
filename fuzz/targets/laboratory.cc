// The laboratory's smaller files: arrays, device models, logs of wall meters, checkpoints of accuracy.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/accepts.h"
#include "fuzz/memory_file.h"
#include "fuzz/targets/targets.h"
#include "lab/accuracy/checkpoint.h"
#include "lab/power/wall_log.h"
#include "lab/project/device_model.h"
#include "lab/support/files.h"
#include "lab/support/json.h"
#include "tests/support/temporary_directory.h"
#include "tools/support/npy.h"

namespace octet::fuzz {
namespace {

template <class Element>
void read_elements(tools::NpyReader& reader) {
  std::vector<Element> elements(static_cast<std::size_t>(reader.header().shape.elements()));
  reader.read(elements);
}

/// 117 characters and the end of a line: with what stands before, a multiple of 64 bytes.
template <class Element>
std::string array(const std::string& type, const std::string& shape, std::size_t elements) {
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.resize(117, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header +
         std::string(elements * sizeof(Element), 'x');
}

const lab::EvaluationIdentity kIdentity{"n1", "p1", "d1", {"fp32 avx2", "int8 c1"}};

}  // namespace

bool read_array(Input input) {
  return accepts([&] {
    const MemoryFile file(input);
    tools::NpyReader reader(file.path());
    if (reader.header().type == DataType::kFloat32)
      read_elements<float>(reader);
    else
      read_elements<std::uint8_t>(reader);
  });
}

Seeds array_seeds() {
  return {{"floats.npy", array<float>("<f4", "2, 3, 4, 4", 96)},
          {"bytes.npy", array<std::uint8_t>("|u1", "5,", 5)}};
}

bool read_device(Input input) {
  return accepts([&] { lab::to_json(lab::parse_device(text_of(input), "device.json")); });
}

Seeds device_seeds() {
  Seeds seeds;
  for (const lab::DeviceModel& device : lab::known_devices())
    seeds.push_back({device.name + ".json", lab::to_json(device).dump(1)});
  return seeds;
}

bool read_meter_log(Input input) {
  return accepts([&] {
    const MemoryFile file(input);
    lab::read_wall_log(file.path());
  });
}

Seeds meter_log_seeds() {
  return {
      {"unix.csv", "time,watts\n1700000000,100\n1700000001.25,101.5\n1700000002.5,99.25\n"},
      {"quoted.csv",
       "\xEF\xBB\xBF# logger 7\r\n\r\n\"Outlet, name\",\"Power (W)\",Timestamp\r\n\"a, b\",12,1700000000\r\n"
       ",13,1700000001\r\n"},
      {"iso.csv",
       "time;watts\n2023-11-14T22:13:20Z;1\n2023-11-14 22:13:21.5;2,5\n2023-11-15T00:13:22+02:00;3\n"}};
}

bool read_checkpoint(Input input) {
  return accepts([&] {
    const MemoryFile file(input);
    lab::load_checkpoint(file.path(), kIdentity);
  });
}

Seeds checkpoint_seeds() {
  lab::Evaluation evaluation;
  evaluation.done = 3;
  evaluation.broken = {{1, "b.jpg: cut off"}};
  evaluation.results.resize(2);
  for (lab::AccuracyResult& result : evaluation.results) {
    result.predictions.push_back({0, 7, 0, {7, 3}});
    result.predictions.push_back({2, 4, 1, {5, 4}});
  }
  const test::TemporaryDirectory directory;
  const std::filesystem::path path = directory.path() / "accuracy.checkpoint";
  lab::save_checkpoint(path, kIdentity, evaluation);
  return {{"accuracy.checkpoint", lab::read_file(path)}};
}

}  // namespace octet::fuzz
