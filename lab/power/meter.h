// Energy meters behind one interface. A meter has domains that can be added up (packages, DRAM, one GPU
// board, a whole node); it is polled by a recorder's thread (recorder.h) with the clock of the throughput,
// and the energy of a window of time is computed afterwards from what was recorded, over the very window
// whose images were counted.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lab/power/board.h"
#include "lab/support/clock.h"
#include "lab/support/json_fwd.h"

namespace octet::lab {

enum class Reads { kEnergy, kPower };  ///< a counter of joules, or watts at an instant

struct MeterInfo {
  std::string id;     ///< "rapl:package-0", "nvml:0", "ipmi", "wall:meter.csv", "model"
  std::string kind;   ///< "rapl", "nvml", "ipmi", "wall", "model"
  std::string scope;  ///< what it sees: "CPU package 0 with its cores", "DRAM of package 0", "GPU 0 (Tesla
                      ///< P40)", "whole node"
  Reads reads = Reads::kPower;
  double resolution = 0;           ///< of a reading, J or W
  double relative_error = 0;       ///< of the instrument, one standard deviation; 0 if not known
  double interval_s = 0.1;         ///< how often it should be polled
  double averaging_s = 0;          ///< its own averaging window, where known
  bool modelled = false;           ///< not measured at all; always said beside its figures
  std::optional<BoardInfo> board;  ///< of a GPU
};
/// Its members by name; `board` is left out where there is none.
Json to_json(const MeterInfo& info);
MeterInfo meter_info_from(const Json& json);

class Meter {
 public:
  virtual ~Meter() = default;
  virtual const MeterInfo& info() const = 0;
  /// A recording starts: time may have passed in which nobody looked.
  virtual void start() {}
  /// Joules since some start, wraps already undone, or watts. Throws Error if it cannot be read any more; the
  /// recorder notes that and goes on asking.
  virtual double read() = 0;
  /// What a GPU is doing, asked after each reading; nothing for meters of other things. Does not throw: what
  /// cannot be had is left out.
  virtual std::optional<BoardState> board() { return std::nullopt; }
  /// True if a reading takes long (another program, a network): the recorder gives it a thread of its own.
  virtual bool blocks() const { return false; }
};

/// What was found of one kind of meter.
struct MeterStatus {
  std::string kind;
  bool works = false;
  std::string why_not;  ///< "no /sys/class/powercap: this machine has no RAPL, or its hypervisor hides it"
  std::string remedy;   ///< what would make it work: "chmod a+r /sys/class/powercap/*/energy_uj as root"
  std::vector<MeterInfo> meters;
};
Json to_json(const MeterStatus& status);

struct MeterOptions {
  std::string rapl_root = "/sys/class/powercap";
  std::string nvml_library = "libnvidia-ml.so.1";
  std::string nvml_devices;  ///< indices and UUIDs (GPU-...) parted by commas; empty: all
  std::string ipmitool = "ipmitool";
  double ipmi_timeout_s = 3;  ///< after which ipmitool is ended and the reading has failed
  std::string wall_csv;       ///< file of a wall meter, merged by time after the run; empty: none
  double wall_shift_s = 0;    ///< added to the file's times, where its clock is not this machine's
  std::string power_model;    ///< "idle=60,busy=150" watts; empty: none
};

struct FoundMeters {
  std::vector<MeterStatus> kinds;  ///< one a kind, working or not: wall, ipmi, rapl, nvml, model
  std::vector<std::unique_ptr<Meter>> meters;
};
/// Never throws for a meter that is not there; throws Error(kInvalidArgument) for an ill-formed power model
/// or wall meter option or a list of GPUs, Error(kNotFound, kIo, kParse) for the file, and Error for a GPU,
/// that was asked for by name and cannot be had. The clock is that of the recorder.
FoundMeters find_meters(const MeterOptions& options = {}, Clock& clock = system_clock());

}  // namespace octet::lab
