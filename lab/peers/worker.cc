#include "lab/peers/worker.h"

#include <fmt/format.h>

#include <cstddef>
#include <utility>

#include "lab/support/json.h"
#include "octet/error.h"

// The assembler copies the script as it lies in the source tree.
asm(".pushsection .rodata\n"
    ".global octet_lab_peers_worker\n"
    ".hidden octet_lab_peers_worker\n"
    "octet_lab_peers_worker:\n"
    ".incbin \"" OCTET_PEERS_FOLDER
    "/worker.py\"\n"
    ".global octet_lab_peers_worker_end\n"
    ".hidden octet_lab_peers_worker_end\n"
    "octet_lab_peers_worker_end:\n"
    ".popsection\n");
extern "C" const char octet_lab_peers_worker[], octet_lab_peers_worker_end[];

namespace octet::lab {
namespace {

constexpr std::size_t kQuoted = 200;  // bytes of an answer that messages show

std::string shown(std::string_view line) {
  std::string text(line.substr(0, kQuoted));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  return text + (line.size() > kQuoted ? "..." : "");
}

}  // namespace

std::string_view worker_source() {
  return {octet_lab_peers_worker,
          static_cast<std::size_t>(octet_lab_peers_worker_end - octet_lab_peers_worker)};
}

Worker::Worker(const std::string& python, std::string name, std::function<void()> while_waiting)
    : name_(std::move(name)),
      while_waiting_(std::move(while_waiting)),
      child_(Command{{python, "-c", std::string(worker_source())}, {}}) {}

Json Worker::ask(const Json& command, double timeout_s) {
  const auto give_up = [this](const std::string& reason, ErrorCode code = ErrorCode::kIo) {
    failure_ = fmt::format("{}: {}", name_, reason);
    child_.finish(0);
    throw Error(code, failure_);
  };
  if (!failure_.empty()) throw Error(ErrorCode::kIo, failure_);
  std::string line;
  try {
    child_.write_line(command.dump());
    line = child_.read_line(timeout_s, while_waiting_);
  } catch (const Error& error) {
    give_up(error.what(), error.code());
  }
  Json answer = Json::parse(line, nullptr, false);
  if (!answer.is_object()) give_up(fmt::format("expected an answer in JSON, got: {}", shown(line)));
  if (const auto error = answer.find("error"); error != answer.end())
    throw Error(ErrorCode::kIo,
                fmt::format("{}: {}", name_, error->is_string() ? error->get<std::string>() : error->dump()));
  return answer;
}

}  // namespace octet::lab
