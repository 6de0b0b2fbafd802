#include "tools/octet/power_options.h"

#include <CLI/CLI.hpp>

namespace octet::tools {

void add_power_options(CLI::App& command, lab::MeterOptions& options) {
  command
      .add_option("--wall-meter", options.wall_csv,
                  "CSV with columns time and watts that a wall meter's software writes; merged by time")
      ->type_name("FILE");
  command.add_option("--wall-shift", options.wall_shift_s, "seconds to add to the wall meter's times")
      ->type_name("S");
  command
      .add_option("--power-model", options.power_model,
                  "instead of a meter: idle=60,busy=150 watts, by CPU use; results are marked as modelled")
      ->type_name("MODEL");
  command.add_option("--rapl-root", options.rapl_root, "folder of the powercap zones")->type_name("DIR");
  command.add_option("--nvml-library", options.nvml_library, "NVIDIA's management library")
      ->type_name("FILE");
  command
      .add_option("--nvml-devices", options.nvml_devices,
                  "GPUs to read, indices and UUIDs (GPU-...) parted by commas, as octet power names them; "
                  "otherwise all")
      ->type_name("LIST");
  command.add_option("--ipmitool", options.ipmitool, "program that asks the management controller")
      ->type_name("PROGRAM");
}

}  // namespace octet::tools
