// NVIDIA GPUs by NVML. Boards with an energy counter (Volta and newer) are read by it; older ones by their
// power.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "lab/power/kinds.h"
#include "lab/power/nvml_library.h"
#include "lab/support/text.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr double kResolution = 1e-3;  // NVML counts in mJ and mW
// NVML API reference, nvmlDeviceGetPowerUsage: within 5 % on Fermi and Kepler; of newer boards it says
// nothing. One standard deviation of an error that is even over that.
constexpr double kRelativeError = 0.05 / 1.732;
constexpr double kNvmlUpdate = 0.1;  // s; not documented, boards differ between 0.02 and 0.1
constexpr double kAveraging = 1;     // s; nvmlDeviceGetPowerUsage, of boards that average

class NvmlMeter final : public Meter {
 public:
  NvmlMeter(std::shared_ptr<const NvmlLibrary> nvml, unsigned index)
      : nvml_(std::move(nvml)), device_(nvml_->device(index)) {
    info_.id = fmt::format("nvml:{}", index);
    info_.kind = "nvml";
    info_.scope = fmt::format("GPU {} ({})", index, nvml_->name(device_));
    info_.resolution = kResolution;
    info_.relative_error = kRelativeError;
    info_.board = nvml_->board_info(device_);
    if (nvml_->has_energy_counter(device_)) {
      info_.reads = Reads::kEnergy;
      info_.interval_s = 0.1;
      info_.averaging_s = kNvmlUpdate;
    } else {
      info_.reads = Reads::kPower;
      info_.interval_s = 0.05;
      info_.averaging_s = nvml_->averages_power(device_) ? kAveraging : 0;
    }
    read();
  }

  const MeterInfo& info() const override { return info_; }
  double read() override {
    return info_.reads == Reads::kEnergy ? nvml_->energy_joules(device_) : nvml_->power_watts(device_);
  }
  std::optional<BoardState> board() override { return nvml_->board_state(device_); }

 private:
  std::shared_ptr<const NvmlLibrary> nvml_;
  NvmlLibrary::Device device_;
  MeterInfo info_;
};

/// One that was asked for, by its index or by its UUID.
struct NvmlChoice {
  std::string_view text;
  std::optional<unsigned> index;
};

std::vector<NvmlChoice> parse_choices(std::string_view list) {
  std::vector<NvmlChoice> choices;
  while (!trimmed(list).empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view text = trimmed(list.substr(0, end));
    unsigned index = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    const bool is_index = error == std::errc() && stop == text.data() + text.size();
    if (!is_index && !text.starts_with("GPU-"))
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("NVML devices: expected indices and UUIDs (GPU-...) parted by commas, got '{}'", text));
    choices.push_back({text, is_index ? std::optional(index) : std::nullopt});
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return choices;
}

/// Throws Error(kNotFound) naming the GPUs that there are.
unsigned index_of(const NvmlLibrary& nvml, const NvmlChoice& choice) {
  const unsigned count = nvml.device_count();
  if (choice.index && *choice.index < count) return *choice.index;
  std::vector<std::string> there;
  for (unsigned i = 0; i < count; ++i) {
    std::string uuid;
    try {
      uuid = nvml.uuid(nvml.device(i));
    } catch (const Error& error) {  // this one is broken or not ours; another may be meant
      uuid = error.what();
    }
    if (!choice.index && uuid == choice.text) return i;
    there.push_back(fmt::format("{} ({})", i, uuid));
  }
  throw Error(ErrorCode::kNotFound,
              fmt::format("expected one of the GPUs that the NVIDIA driver sees ({})",
                          there.empty() ? "none" : fmt::format("{}", fmt::join(there, ", "))));
}

/// Exactly those that were asked for; a part would pass for the whole.
std::vector<std::unique_ptr<Meter>> chosen_meters(const MeterOptions& options,
                                                  std::span<const NvmlChoice> choices) {
  std::vector<std::unique_ptr<Meter>> meters;
  const NvmlChoice* choice = &choices.front();
  try {
    const auto nvml = std::make_shared<const NvmlLibrary>(options.nvml_library);
    std::vector<unsigned> taken;
    for (const NvmlChoice& next : choices) {
      choice = &next;
      const unsigned index = index_of(*nvml, next);
      if (std::find(taken.begin(), taken.end(), index) != taken.end())
        throw Error(ErrorCode::kInvalidArgument, fmt::format("GPU {} was named before", index));
      taken.push_back(index);
      meters.push_back(std::make_unique<NvmlMeter>(nvml, index));
    }
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("NVML device '{}': {}", choice->text, error.what()));
  }
  return meters;
}

void find_all(const MeterOptions& options, FoundKind& found) {
  const auto nvml = std::make_shared<const NvmlLibrary>(options.nvml_library);
  const unsigned count = nvml->device_count();
  for (unsigned i = 0; i < count; ++i) {
    try {
      found.meters.push_back(std::make_unique<NvmlMeter>(nvml, i));
    } catch (const Error& error) {
      // One board may have no sensor: the others are still worth reading.
      found.status.why_not +=
          fmt::format("{}GPU {}: {}", found.status.why_not.empty() ? "" : "; ", i, error.what());
      found.status.remedy = "a board without a power sensor needs a wall meter (--wall-meter)";
    }
  }
  if (count == 0) {
    found.status.why_not = "the NVIDIA driver sees no GPU";
    found.status.remedy = "give the container or virtual machine a GPU";
  }
}

}  // namespace

FoundKind find_nvml(const MeterOptions& options) {
  FoundKind found;
  found.status.kind = "nvml";
  const std::vector<NvmlChoice> choices = parse_choices(options.nvml_devices);
  if (!choices.empty()) {
    found.meters = chosen_meters(options, choices);
  } else {
    try {
      find_all(options, found);
    } catch (const Error& error) {
      found.status.why_not = error.what();
      found.status.remedy =
          error.code() == ErrorCode::kNotFound
              ? "with an NVIDIA GPU: install its driver; in a container, ask for its utilities "
                "(NVIDIA_DRIVER_CAPABILITIES=utility)"
              : "see whether nvidia-smi works; load the driver, or install a newer one";
    }
  }
  for (const auto& meter : found.meters) found.status.meters.push_back(meter->info());
  found.status.works = !found.meters.empty();
  return found;
}

}  // namespace octet::lab
