// The few things that the laboratory asks of MPI, behind an interface: a program that was not started by
// mpirun, or was built without MPI, gets a world of one rank. Only communicator_mpi.cc sees <mpi.h>.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lab/support/clock.h"

namespace octet::lab {

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual int host_rank() const = 0;  ///< among the ranks of this machine
  virtual int host_size() const = 0;
  virtual std::string host() const = 0;
  virtual void barrier() = 0;
  /// Every rank's bytes, in order of rank, at rank 0; empty elsewhere.
  virtual std::vector<std::string> gather(const std::string& bytes) = 0;
  /// Rank 0's bytes, everywhere.
  virtual std::string broadcast(const std::string& bytes) = 0;
  /// What must be added to this rank's clock to get rank 0's, and how far off that may be (half the shortest
  /// round trip). 0 and 0 on rank 0's machine: ranks of one machine share the clock.
  struct ClockOffset {
    Nanoseconds offset = 0;
    Nanoseconds uncertainty = 0;
  };
  virtual ClockOffset clock_offset() = 0;
  /// Ends all ranks at once with this exit code, after `message` on stderr.
  [[noreturn]] virtual void abort(int exit_code, const std::string& message) = 0;
};

bool built_with_mpi();
/// Whether this process was started as a rank by an MPI launcher (its environment says so).
bool started_by_launcher();

/// The world: MPI's if the process was started by a launcher and the program knows MPI, else one rank. Throws
/// Error(kUnsupported) if a launcher started several ranks of a program that was built without MPI.
std::unique_ptr<Communicator> open_communicator();

}  // namespace octet::lab
