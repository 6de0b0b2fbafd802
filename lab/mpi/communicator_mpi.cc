// The world of MPI's ranks. MPI is initialised only when a launcher has started this process, so that the
// program starts no slower without one.
#include <fmt/format.h>
#include <mpi.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "lab/mpi/launched.h"

namespace octet::lab {
namespace {

constexpr int kPingPongs = 200;
constexpr int kTag = 0;
constexpr Nanoseconds kSpin = 1'000'000;  // a barrier is waited for like this long, then in naps
constexpr useconds_t kNapMicroseconds = 500;

/// `call` is what was asked of MPI, for the message.
void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw Error(ErrorCode::kIo, fmt::format("{}: {}", call, std::string_view(text.data(), length)));
}

int length_of(const std::string& bytes) {
  if (bytes.size() > INT_MAX)
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("a message between ranks of {} bytes; expected at most {}", bytes.size(), INT_MAX));
  return static_cast<int>(bytes.size());
}

class MpiWorld final : public Communicator {
 public:
  MpiWorld() {
    // A rank must not outlive its launcher, even one that was killed and could clean nothing up. (Slurm kills
    // its tasks itself, and may start them from a thread that does not live as long.)
    if (std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    int provided = 0;
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
    check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
    MPI_Comm host = MPI_COMM_NULL;
    check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &host),
          "MPI_Comm_split_type");
    check(MPI_Comm_rank(host, &host_rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(host, &host_size_), "MPI_Comm_size");
    host_leader_ = rank_;
    check(MPI_Bcast(&host_leader_, 1, MPI_INT, 0, host), "MPI_Bcast");
    check(MPI_Comm_free(&host), "MPI_Comm_free");
    std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
    int length = 0;
    check(MPI_Get_processor_name(name.data(), &length), "MPI_Get_processor_name");
    host_.assign(name.data(), static_cast<std::size_t>(length));
  }

  ~MpiWorld() override {
    // While an error is on its way out the other ranks may be waiting for this one, and MPI_Finalize would
    // wait for them: the process then ends without it, which the launcher takes as the end of all.
    if (std::uncaught_exceptions() == 0) MPI_Finalize();
  }
  MpiWorld(const MpiWorld&) = delete;
  MpiWorld& operator=(const MpiWorld&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int host_rank() const override { return host_rank_; }
  int host_size() const override { return host_size_; }
  int host_leader() const override { return host_leader_; }
  std::string host() const override { return host_; }

  void barrier() override {
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Ibarrier(MPI_COMM_WORLD, &request), "MPI_Ibarrier");
    const Nanoseconds start = system_clock().now();
    for (int done = 0; done == 0;) {
      check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
      if (done == 0 && system_clock().now() - start > kSpin) ::usleep(kNapMicroseconds);
    }
  }

  std::vector<std::string> gather(const std::string& bytes) override {
    barrier();  // so that rank 0 does not spin on a receive while the others still work
    if (rank_ != 0) {
      check(MPI_Send(bytes.data(), length_of(bytes), MPI_BYTE, 0, kTag, MPI_COMM_WORLD), "MPI_Send");
      return {};
    }
    std::vector<std::string> all{bytes};
    for (int from = 1; from < size_; ++from) {
      MPI_Status status;
      check(MPI_Probe(from, kTag, MPI_COMM_WORLD, &status), "MPI_Probe");
      int length = 0;
      check(MPI_Get_count(&status, MPI_BYTE, &length), "MPI_Get_count");
      std::string& one = all.emplace_back(static_cast<std::size_t>(length), '\0');
      check(MPI_Recv(one.data(), length, MPI_BYTE, from, kTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
            "MPI_Recv");
    }
    return all;
  }

  std::string broadcast(const std::string& bytes) override {
    barrier();
    int length = rank_ == 0 ? length_of(bytes) : 0;
    check(MPI_Bcast(&length, 1, MPI_INT, 0, MPI_COMM_WORLD), "MPI_Bcast");
    std::string result = rank_ == 0 ? bytes : std::string(static_cast<std::size_t>(length), '\0');
    check(MPI_Bcast(result.data(), length, MPI_BYTE, 0, MPI_COMM_WORLD), "MPI_Bcast");
    return result;
  }

  ClockOffset clock_offset() override {
    ClockOffset mine;
    for (int other = 1; other < size_; ++other) {
      barrier();
      if (rank_ == 0)
        serve_pings(other);
      else if (rank_ == other)
        mine = ping();
    }
    return host_leader_ == 0 ? ClockOffset{} : mine;
  }

  [[noreturn]] void abort(int exit_code, const std::string& message) override {
    fmt::print(stderr, "{}\n", message);
    std::fflush(nullptr);
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::_Exit(exit_code);
  }

 private:
  // Rank 0 asks and times; the exchanges then go to the rank whose offset they give.
  static void serve_pings(int other) {
    std::vector<PingPong> exchanges(kPingPongs);
    for (PingPong& exchange : exchanges) {
      exchange.sent = system_clock().now();
      check(MPI_Send(&exchange.sent, 1, MPI_INT64_T, other, kTag, MPI_COMM_WORLD), "MPI_Send");
      check(MPI_Recv(&exchange.answered, 1, MPI_INT64_T, other, kTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
            "MPI_Recv");
      exchange.received = system_clock().now();
    }
    const ClockOffset found = offset_from(exchanges);
    const std::array<Nanoseconds, 2> answer{found.offset, found.uncertainty};
    check(MPI_Send(answer.data(), 2, MPI_INT64_T, other, kTag, MPI_COMM_WORLD), "MPI_Send");
  }

  static ClockOffset ping() {
    for (int i = 0; i < kPingPongs; ++i) {
      Nanoseconds ignored = 0;
      check(MPI_Recv(&ignored, 1, MPI_INT64_T, 0, kTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE), "MPI_Recv");
      const Nanoseconds now = system_clock().now();
      check(MPI_Send(&now, 1, MPI_INT64_T, 0, kTag, MPI_COMM_WORLD), "MPI_Send");
    }
    std::array<Nanoseconds, 2> answer{};
    check(MPI_Recv(answer.data(), 2, MPI_INT64_T, 0, kTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE), "MPI_Recv");
    return {answer[0], answer[1]};
  }

  int rank_ = 0;
  int size_ = 1;
  int host_rank_ = 0;
  int host_size_ = 1;
  int host_leader_ = 0;
  std::string host_;
};

}  // namespace

bool built_with_mpi() { return true; }
std::unique_ptr<Communicator> open_mpi_world() { return std::make_unique<MpiWorld>(); }

std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string all(text.data(), static_cast<std::size_t>(length));
  return all.substr(0, all.find_first_of(",\n"));
}

}  // namespace octet::lab
