#include "kernels/work_share.h"

namespace octet::kernels {
namespace {

// Stretches of so many rows begin and end at whole ones, which makes them longer by a twentieth at most.
constexpr std::int64_t kRowsOfAStretch = 20;

/// The number of parts that costs least beside the multiplications themselves, of which a worker has its
/// share anyway.
int choose_parts(const OutputSpace& space, int workers) {
  const auto cost = [&](std::int64_t parts) {
    const std::int64_t lanes = space.lanes() / parts;
    const bool straddle = workers % parts != 0 || space.panel_count() % parts != 0;
    const std::int64_t weights = (straddle ? 2 : 1) * lanes * space.weight_pixels;
    const std::int64_t one_pixel = lanes;  // by which stretches may differ
    return weights + one_pixel + space.input_lanes * (space.pixels() * parts / workers);
  };
  const int most = std::min(workers, space.panel_count());
  int best = 1;
  std::int64_t least = cost(1);
  for (int parts = 2; parts <= most; parts = parts < most && 2 * parts > most ? most : 2 * parts) {
    if (const std::int64_t of_these = cost(parts); of_these < least) {
      least = of_these;
      best = parts;
    }
  }
  return best;
}

}  // namespace

WorkShare::WorkShare(const OutputSpace& space, int worker, int workers)
    : space_(space),
      parts_(workers == 1 ? 1 : choose_parts(space, workers)),
      begin_(place_of(worker, workers)),
      end_(place_of(worker + 1, workers)) {}

/// Where the stretch of `worker` begins. Its neighbour's ends where this function says that it begins.
WorkShare::Place WorkShare::place_of(int worker, int workers) const {
  if (worker == workers) return {parts_, 0};
  const std::int64_t pixels = space_.pixels(), total = pixels * space_.lanes();
  const std::int64_t at = share_of(total, worker, workers).begin;
  const auto lanes_before = [&](int part) {
    return space_.panels[static_cast<std::size_t>(share_of(space_.panel_count(), part, parts_).begin)];
  };
  int part = 0;
  while (part + 1 < parts_ && lanes_before(part + 1) * pixels <= at) ++part;
  const std::int64_t before = lanes_before(part);
  const std::int64_t lanes = (part + 1 < parts_ ? lanes_before(part + 1) : space_.lanes()) - before;
  std::int64_t pixel = (at - before * pixels) / lanes;
  const std::int64_t row = space_.columns;
  if (space_.rows > 1 && kRowsOfAStretch * row * lanes <= total / workers)
    pixel = (pixel + row / 2) / row * row;
  return {part, pixel};
}

}  // namespace octet::kernels
