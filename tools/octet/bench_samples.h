// Raw samples of a bench as a record of docs/study-bundle.md, in a file of the user's.
#pragma once

#include <span>
#include <string>

#include "lab/bench/observed.h"
#include "lab/power/trace.h"
#include "tools/support/json_output.h"

namespace octet::tools {

/// Throws Error(kIo) if the file's folder is not there or cannot be written to: before anything is measured.
void check_samples_file(const std::string& file);

/// Of kind `throughput`, with one system.
Json throughput_record(const lab::SystemInfo& info, const std::string& output_hash, int batch,
                       const lab::ObservedMeasurement& measured, std::span<const lab::PowerTrace> power);
/// Of kind `server`.
Json server_record(const lab::SystemInfo& info, const lab::ServerSettings& settings,
                   const lab::ObservedSearch& search);

/// Whole or not at all, also if the program is interrupted. Throws Error(kIo).
void write_samples(const std::string& file, const Json& record);

}  // namespace octet::tools
