// Octet built without MPI.
#include "lab/mpi/launched.h"

namespace octet::lab {

bool built_with_mpi() { return false; }
std::unique_ptr<Communicator> open_mpi_world() { return single_rank(); }
std::string mpi_library() { return ""; }

}  // namespace octet::lab
