// The few things that the laboratory asks of MPI, behind an interface: a program that was not started by
// mpirun, or was built without MPI, gets a world of one rank. Only communicator_mpi.cc sees <mpi.h>.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lab/support/clock.h"
#include "octet/error.h"

namespace octet::lab {

/// What must be added to a time of a rank's clock to get rank 0's, and how far off that may be (half the
/// shortest round trip).
struct ClockOffset {
  Nanoseconds offset = 0;
  Nanoseconds uncertainty = 0;
};

/// Collective functions (barrier, gather, broadcast, clock_offset) are called by all ranks in the same order.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual int host_rank() const = 0;  ///< among the ranks of this machine
  virtual int host_size() const = 0;
  /// The rank of the world that has host_rank 0 here: tells machines apart, whatever they are called.
  virtual int host_leader() const = 0;
  virtual std::string host() const = 0;
  /// Waits without burning its CPU: whoever comes early may wait for long, and the others are measuring.
  virtual void barrier() = 0;
  /// Every rank's bytes, in order of rank, at rank 0; empty elsewhere.
  virtual std::vector<std::string> gather(const std::string& bytes) = 0;
  /// Rank 0's bytes, everywhere.
  virtual std::string broadcast(const std::string& bytes) = 0;
  /// By a ping-pong with rank 0; exactly 0 and 0 on rank 0's machine, whose ranks share the clock.
  virtual ClockOffset clock_offset() = 0;
  /// Ends all ranks at once with this exit code, after `message` on stderr.
  [[noreturn]] virtual void abort(int exit_code, const std::string& message) = 0;
};

bool built_with_mpi();
/// Whether this process was started as a rank by an MPI launcher (its environment says so).
bool started_by_launcher();

/// The world: MPI's if the process was started by a launcher and the program knows MPI, else one rank. Throws
/// Error(kUnsupported) if a launcher started several ranks of a program that was built without MPI,
/// Error(kMismatch) if the launcher is of another MPI, so that each rank believes to be alone.
std::unique_ptr<Communicator> open_communicator();

/// A world of one rank.
std::unique_ptr<Communicator> single_rank();

/// Everyone's bytes, everywhere.
std::vector<std::string> gather_everywhere(Communicator& world, const std::string& bytes);

/// Runs `work`, which may fail on some ranks only and must not communicate. If it throws Error anywhere, the
/// lowest such rank's message is said once, with rank and host where not all say the same, and all ranks end
/// with `exit_code_of` its code; in a world of one the error is simply thrown.
void all_or_none(Communicator& world, const std::function<void()>& work,
                 const std::function<int(const Error&)>& exit_code_of);

/// One exchange of a ping-pong: rank 0's clock, the other's, rank 0's.
struct PingPong {
  Nanoseconds sent = 0;
  Nanoseconds answered = 0;
  Nanoseconds received = 0;
};
/// From the exchange with the shortest round trip (Cristian 1989). Throws Error(kInvalidArgument) without
/// any.
ClockOffset offset_from(std::span<const PingPong> exchanges);

}  // namespace octet::lab
