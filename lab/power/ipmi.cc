// The node's power as its management controller reports it (IPMI, DCMI extension), by `ipmitool dcmi power
// reading`: whole watts, about once a second, and hundreds of milliseconds to ask.
#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "lab/power/kinds.h"
#include "lab/support/child.h"
#include "lab/support/text.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

constexpr double kInterval = 1;

/// What stands behind "LABEL:" on a line of its own.
std::optional<std::string_view> value_of(std::string_view output, std::string_view label) {
  while (!output.empty()) {
    const std::size_t end = output.find('\n');
    const std::string_view line = trimmed(output.substr(0, end));
    if (line.starts_with(label) && line.substr(label.size()).starts_with(':'))
      return trimmed(line.substr(label.size() + 1));
    if (end == std::string_view::npos) break;
    output.remove_prefix(end + 1);
  }
  return std::nullopt;
}

/// Its first line that says something, not endless.
std::string excerpt(std::string_view text) {
  text = trimmed(text);
  text = text.substr(0, text.find('\n'));
  return std::string(text.substr(0, 200));
}

double parse_watts(const std::string& program, std::string_view output) {
  if (const auto state = value_of(output, "Power reading state is"); state && *state != "activated")
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: the controller's power reading is '{}'", program, excerpt(*state)));
  const auto value = value_of(output, "Instantaneous power reading");
  double watts = 0;
  if (value) {
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), watts);
    const std::string_view unit = trimmed(value->substr(static_cast<std::size_t>(end - value->data())));
    if (error == std::errc() && unit == "Watts" && watts > 0 && watts < 1e6) return watts;
  }
  throw Error(ErrorCode::kParse, fmt::format("{}: expected 'Instantaneous power reading: N Watts', got '{}'",
                                             program, excerpt(value ? *value : output)));
}

class IpmiMeter final : public Meter {
 public:
  IpmiMeter(std::string program, double timeout_s) : program_(std::move(program)), timeout_s_(timeout_s) {
    info_.id = "ipmi";
    info_.kind = "ipmi";
    info_.scope = "whole node";
    info_.reads = Reads::kPower;
    info_.resolution = 1;
    info_.interval_s = kInterval;
    read();
  }

  const MeterInfo& info() const override { return info_; }
  bool blocks() const override { return true; }

  double read() override {
    const Finished finished = run_command({{program_, "dcmi", "power", "reading"}, {}}, timeout_s_);
    if (finished.timed_out)
      throw Error(ErrorCode::kIo, fmt::format("{}: no answer within {} s", program_, timeout_s_));
    if (finished.exit_code != 0)
      throw Error(ErrorCode::kIo, fmt::format("{}: exit code {}: {}", program_, finished.exit_code,
                                              excerpt(finished.err.empty() ? finished.out : finished.err)));
    return parse_watts(program_, finished.out);
  }

 private:
  std::string program_;
  double timeout_s_;
  MeterInfo info_;
};

std::string remedy_for(const Error& error) {
  const std::string_view message = error.what();
  if (error.code() == ErrorCode::kNotFound)
    return "on a server with a management controller: apt-get install ipmitool";
  if (message.find("Could not open device") != std::string_view::npos)
    return "on a server with a management controller: modprobe ipmi_si ipmi_devintf; run as root, or let "
           "this "
           "user read and write /dev/ipmi0";
  if (message.find("no answer within") != std::string_view::npos)
    return "the controller hangs: ipmitool mc reset cold, as root, restarts it";
  return "not every controller has DCMI; a wall meter (--wall-meter) sees the whole node too";
}

}  // namespace

FoundKind find_ipmi(const MeterOptions& options) {
  FoundKind found;
  found.status.kind = "ipmi";
  try {
    found.meters.push_back(std::make_unique<IpmiMeter>(options.ipmitool, options.ipmi_timeout_s));
    found.status.meters.push_back(found.meters.back()->info());
    found.status.works = true;
  } catch (const Error& error) {
    found.status.why_not = error.what();
    found.status.remedy = remedy_for(error);
  }
  return found;
}

}  // namespace octet::lab
