// What communicator.cc and its two back ends (with and without MPI) tell each other.
#pragma once

#include <memory>
#include <string>

#include "lab/mpi/communicator.h"

namespace octet::lab {

/// How many ranks the environment says were started together; 0: not started by a launcher.
int launched_ranks();

/// MPI_Init and the world. Only where built_with_mpi().
std::unique_ptr<Communicator> open_mpi_world();
/// "Open MPI v4.1.4"; empty without MPI.
std::string mpi_library();

}  // namespace octet::lab
