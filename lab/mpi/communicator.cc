#include "lab/mpi/communicator.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "lab/mpi/launched.h"
#include "lab/support/json.h"

namespace octet::lab {
namespace {

std::optional<int> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return std::nullopt;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (*end != '\0' || value < 0 || value > INT_MAX) return std::nullopt;
  return static_cast<int>(value);
}

class SingleRank final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  int host_rank() const override { return 0; }
  int host_size() const override { return 1; }
  int host_leader() const override { return 0; }
  std::string host() const override {
    std::array<char, HOST_NAME_MAX + 1> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
    return name.data();
  }
  void barrier() override {}
  std::vector<std::string> gather(const std::string& bytes) override { return {bytes}; }
  std::string broadcast(const std::string& bytes) override { return bytes; }
  ClockOffset clock_offset() override { return {}; }
  [[noreturn]] void abort(int exit_code, const std::string& message) override {
    fmt::print(stderr, "{}\n", message);
    std::fflush(nullptr);
    std::_Exit(exit_code);
  }
};

}  // namespace

int launched_ranks() {
  // Open MPI's mpirun; MPICH's and Intel's, and srun --mpi=pmi2.
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const auto size = number_in(variable)) return std::max(*size, 1);
  // srun by itself. A job script of Slurm is no rank: only the tasks of a step have this variable.
  if (const auto tasks = number_in("SLURM_STEP_NUM_TASKS"); tasks && *tasks > 1) return *tasks;
  return number_in("PMIX_RANK") ? 1 : 0;
}

bool started_by_launcher() { return launched_ranks() > 0; }

std::unique_ptr<Communicator> single_rank() { return std::make_unique<SingleRank>(); }

std::unique_ptr<Communicator> open_communicator() {
  if (!started_by_launcher()) return single_rank();
  const int expected = launched_ranks();
  if (built_with_mpi()) {
    std::unique_ptr<Communicator> world = open_mpi_world();
    if (world->size() == 1 && expected > 1)
      throw Error(
          ErrorCode::kMismatch,
          fmt::format("started as one of {} ranks, but MPI knows of this one only: the launcher is of "
                      "another MPI than the one that Octet was built with ({}); use that one's mpirun, "
                      "or under Slurm srun --mpi=pmix",
                      expected, mpi_library()));
    return world;
  }
  if (expected > 1)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("started as one of {} ranks, but this Octet was built without MPI; install it "
                            "(apt-get install libopenmpi-dev openmpi-bin) and build again",
                            expected));
  return single_rank();
}

std::vector<std::string> gather_everywhere(Communicator& world, const std::string& bytes) {
  // Lengths ahead of the bytes, which may be any.
  std::string all;
  for (const std::string& one : world.gather(bytes)) all += fmt::format("{:016x}", one.size()) + one;
  all = world.broadcast(all);
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t length = std::stoull(all.substr(at, 16), nullptr, 16);
    parts.push_back(all.substr(at + 16, length));
    at += 16 + length;
  }
  return parts;
}

void all_or_none(Communicator& world, const std::function<void()>& work,
                 const std::function<int(const Error&)>& exit_code_of) {
  if (world.size() == 1) return work();
  Json mine = nullptr;
  try {
    work();
  } catch (const Error& error) {
    mine = {{"message", error.what()}, {"exit_code", exit_code_of(error)}, {"host", world.host()}};
  }
  const std::vector<std::string> all =
      gather_everywhere(world, mine.dump(-1, ' ', false, Json::error_handler_t::replace));
  std::vector<Json> outcomes;
  for (const std::string& text : all) outcomes.push_back(Json::parse(text));
  const auto failed =
      std::find_if(outcomes.begin(), outcomes.end(), [](const Json& j) { return !j.is_null(); });
  if (failed == outcomes.end()) return;
  if (world.rank() != 0) {
    world.barrier();  // rank 0 speaks for all and ends this wait
    std::_Exit(failed->at("exit_code").get<int>());
  }
  const std::string message = failed->at("message").get<std::string>();
  const bool alike = std::all_of(outcomes.begin(), outcomes.end(), [&](const Json& outcome) {
    return !outcome.is_null() && outcome.at("message") == message;
  });
  world.abort(failed->at("exit_code").get<int>(),
              alike ? fmt::format("octet: {}", message)
                    : fmt::format("octet: rank {} on {}: {}", failed - outcomes.begin(),
                                  failed->at("host").get<std::string>(), message));
}

ClockOffset offset_from(std::span<const PingPong> exchanges) {
  const auto best = std::min_element(
      exchanges.begin(), exchanges.end(),
      [](const PingPong& a, const PingPong& b) { return a.received - a.sent < b.received - b.sent; });
  if (best == exchanges.end())
    throw Error(ErrorCode::kInvalidArgument, "a clock's offset needs at least one exchange, got none");
  const Nanoseconds trip = best->received - best->sent;
  return {best->sent + trip / 2 - best->answered, (trip + 1) / 2};
}

}  // namespace octet::lab
