#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "lab/power/board_evidence.h"
#include "lab/power/energy.h"
#include "lab/support/json.h"
#include "lab/support/text.h"

namespace octet::lab {
namespace {

constexpr double kGoodCoverage = 0.9;

/// Smaller is preferred.
int preference(std::string_view kind, WorkingDevice device) {
  constexpr std::array<std::string_view, 5> kForCpu = {"wall", "ipmi", "rapl", "model", "nvml"};
  constexpr std::array<std::string_view, 5> kForGpu = {"wall", "ipmi", "nvml", "model", "rapl"};
  const auto& order = device == WorkingDevice::kCpu ? kForCpu : kForGpu;
  return static_cast<int>(std::find(order.begin(), order.end(), kind) - order.begin());
}

/// A model is the last resort, however well it covers; so is what looks elsewhere.
int last_resort(const KindEnergy& row, WorkingDevice device) {
  const bool elsewhere = row.kind == (device == WorkingDevice::kCpu ? "nvml" : "rapl");
  return elsewhere ? 2 : row.modelled ? 1 : 0;
}

/// The energy of those meters and no others.
std::optional<Energy> energy_of_meters(std::span<const PowerTrace> power, std::span<const Window> windows,
                                       std::span<const std::string> meters) {
  std::vector<Energy> parts;
  for (const PowerTrace& trace : power) {
    if (!contains(meters, trace.meter.id)) continue;
    const auto energy = energy_of(trace, windows);
    if (!energy) return std::nullopt;
    parts.push_back(*energy);
  }
  if (parts.size() != meters.size()) return std::nullopt;
  return sum(parts);
}

/// What the boards among the meters were doing; nothing where none of them is one.
Json boards_of(std::span<const PowerTrace> power, std::span<const Window> windows,
               std::span<const std::string> meters) {
  Json boards = Json::array();
  for (const PowerTrace& trace : power) {
    const BoardSummary board = summarize_board(trace.board, windows);
    if (board.samples == 0 || !contains(meters, trace.meter.id)) continue;
    Json json = {{"id", trace.meter.id}};
    json.update(to_json(board));
    boards.push_back(std::move(json));
  }
  return boards;
}

Json row(double images, const KindEnergy& busy, std::span<const PowerTrace> power,
         std::span<const Window> windows, std::span<const PowerTrace> idle_power,
         std::span<const Window> idle_windows) {
  const auto idle = energy_of_meters(idle_power, idle_windows, busy.meters);
  Json json = to_json(efficiency(images, busy.energy, idle), busy);
  if (Json boards = boards_of(power, windows, busy.meters); !boards.empty())
    json["boards"] = std::move(boards);
  return json;
}

}  // namespace

std::vector<KindEnergy> energy_by_kind(std::span<const PowerTrace> power, std::span<const Window> windows,
                                       WorkingDevice device) {
  std::vector<KindEnergy> rows;
  for (const PowerTrace& trace : power) {
    const auto same = [&](const KindEnergy& row) { return row.kind == trace.meter.kind; };
    auto row = std::find_if(rows.begin(), rows.end(), same);
    if (row == rows.end()) row = rows.insert(rows.end(), KindEnergy{trace.meter.kind, {}, false, {}});
    row->meters.push_back(trace.meter.id);
    row->modelled = row->modelled || trace.meter.modelled;
  }
  std::vector<KindEnergy> complete;
  for (KindEnergy& row : rows) {
    const auto energy = energy_of_meters(power, windows, row.meters);
    if (!energy) continue;
    row.energy = *energy;
    complete.push_back(std::move(row));
  }
  const auto key = [&](const KindEnergy& row) {
    return std::tuple(last_resort(row, device), row.energy.coverage < kGoodCoverage,
                      preference(row.kind, device));
  };
  std::stable_sort(complete.begin(), complete.end(),
                   [&](const KindEnergy& a, const KindEnergy& b) { return key(a) < key(b); });
  return complete;
}

Json to_json(const Efficiency& efficiency, const KindEnergy& busy) {
  Json json = {{"meters", busy.meters},
               {"kind", busy.kind},
               {"modelled", busy.modelled},
               {"watts", efficiency.watts},
               {"watts_uncertainty", efficiency.watts_uncertainty}};
  if (efficiency.idle_watts > 0) json["idle_watts"] = efficiency.idle_watts;
  json["images_per_joule"] = efficiency.images_per_joule;
  json["images_per_joule_uncertainty"] = efficiency.images_per_joule_uncertainty;
  if (efficiency.images_per_joule_above_idle) {
    json["images_per_joule_above_idle"] = *efficiency.images_per_joule_above_idle;
    json["above_idle_uncertainty"] = efficiency.above_idle_uncertainty;
  }
  json["coverage"] = 100 * busy.energy.coverage;  // shares are percent in JSON
  json["sampling_hz"] = busy.energy.sampling_hz;
  return json;
}

Json energy_row(double images, std::span<const PowerTrace> power, std::span<const Window> windows,
                std::span<const PowerTrace> idle_power, std::span<const Window> idle_windows,
                WorkingDevice device) {
  const std::vector<KindEnergy> kinds = energy_by_kind(power, windows, device);
  if (kinds.empty()) return nullptr;
  Json main = row(images, kinds.front(), power, windows, idle_power, idle_windows);
  for (std::size_t i = 1; i < kinds.size(); ++i)
    main["others"].push_back(row(images, kinds[i], power, windows, idle_power, idle_windows));
  return main;
}

}  // namespace octet::lab
