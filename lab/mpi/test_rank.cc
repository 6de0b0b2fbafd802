// A program for tests to start as several ranks; its argument says what it does.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "lab/mpi/communicator.h"
#include "lab/mpi/core_groups.h"
#include "lab/support/json.h"
#include "octet/error.h"

namespace octet::lab {
namespace {

void talk(Communicator& world) {
  const ClockOffset offset = world.clock_offset();
  const std::string all_bytes = std::string("a\0b", 3) + std::to_string(world.rank());
  const std::vector<std::string> gathered = world.gather(all_bytes);
  const std::string broadcast = world.broadcast(world.rank() == 0 ? "from rank 0" : "not this");
  const std::vector<std::string> everywhere = gather_everywhere(world, all_bytes);
  const std::vector<int> cpus = bind_to_device(world, 0);
  const Json mine = {{"rank", world.rank()},
                     {"host_rank", world.host_rank()},
                     {"host_size", world.host_size()},
                     {"host_leader", world.host_leader()},
                     {"offset", offset.offset},
                     {"broadcast", broadcast},
                     {"everywhere", everywhere == std::vector<std::string>{std::string("a\0b", 3) + "0",
                                                                           std::string("a\0b", 3) + "1"}},
                     {"cpus", cpus},
                     {"affinity", affinity_cpus()}};
  Json ranks = Json::array();
  for (const std::string& one : world.gather(mine.dump())) ranks.push_back(Json::parse(one));
  if (world.rank() == 0)
    fmt::print("{}\n", Json{{"ranks", ranks}, {"gathered", gathered.size()}, {"size", world.size()}}.dump());
}

/// What the second rank does instead of going on, while the first waits for it.
void fail(Communicator& world, const std::string& how) {
  if (world.rank() == 1) {
    if (how == "exit") std::_Exit(7);
    if (how == "kill") ::raise(SIGKILL);
    if (how == "hang") ::pause();
    if (how == "abort") world.abort(2, "octet: rank 1 gives up");
  }
  all_or_none(
      world,
      [&] {
        if (how == "throw" && world.rank() == 1) throw Error(ErrorCode::kNotFound, "no such thing");
        if (how == "throw-alike") throw Error(ErrorCode::kNotFound, "no such thing anywhere");
      },
      [](const Error&) { return 2; });
}

}  // namespace
}  // namespace octet::lab

int main(int argc, char** argv) {
  const auto world = octet::lab::open_communicator();
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "talk")
    octet::lab::talk(*world);
  else
    octet::lab::fail(*world, what);
  return 0;
}
