#include "lab/project/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "octet/error.h"

namespace octet::lab {
namespace {

using Point = std::vector<double>;
using Cost = std::function<double(const Point&)>;

/// The simplex method of Nelder and Mead (1965), which needs no derivatives: a maximum and rounded-up waves
/// have none. Deterministic. Returns the best point found from `start` with first steps of `step`.
Point simplex_search(const Point& start, double step, const Cost& cost) {
  constexpr int kMaxSteps = 4000;
  constexpr double kSmallest = 1e-9;  // spread of the costs at which it ends
  struct Vertex {
    Point point;
    double cost;
  };
  const auto cheaper = [](const Vertex& a, const Vertex& b) { return a.cost < b.cost; };
  std::vector<Vertex> vertices{{start, cost(start)}};
  for (std::size_t i = 0; i < start.size(); ++i) {
    Point point = start;
    point[i] += step;
    vertices.push_back({point, cost(point)});
  }
  for (int n = 0; n < kMaxSteps; ++n) {
    std::sort(vertices.begin(), vertices.end(), cheaper);
    Vertex& worst = vertices.back();
    if (worst.cost - vertices.front().cost <= kSmallest * vertices.front().cost) break;
    Point centre(start.size());
    for (std::size_t v = 0; v + 1 < vertices.size(); ++v)
      for (std::size_t i = 0; i < centre.size(); ++i)
        centre[i] += vertices[v].point[i] / static_cast<double>(start.size());
    // The worst vertex moved through the centre of the others: to -1 is its mirror image.
    const auto moved_to = [&](double where) {
      Point point = centre;
      for (std::size_t i = 0; i < point.size(); ++i) point[i] += where * (worst.point[i] - centre[i]);
      return Vertex{point, cost(point)};
    };
    Vertex next = moved_to(-1);
    if (next.cost < vertices.front().cost) {
      if (Vertex further = moved_to(-2); further.cost < next.cost) next = std::move(further);
    } else if (next.cost >= vertices[vertices.size() - 2].cost) {
      next = moved_to(next.cost < worst.cost ? -0.5 : 0.5);
    }
    if (next.cost < worst.cost) {
      worst = std::move(next);
      continue;
    }
    for (std::size_t v = 1; v < vertices.size(); ++v) {  // all towards the best
      for (std::size_t i = 0; i < start.size(); ++i)
        vertices[v].point[i] = (vertices[v].point[i] + vertices[0].point[i]) / 2;
      vertices[v].cost = cost(vertices[v].point);
    }
  }
  return std::min_element(vertices.begin(), vertices.end(), cheaper)->point;
}

bool occurs(const std::vector<PublishedRate>& rates, Precision precision) {
  return std::any_of(rates.begin(), rates.end(),
                     [&](const PublishedRate& rate) { return rate.precision == precision; });
}

bool shares_are_possible(const DeviceModel& device) {
  return device.bandwidth_share <= 1 &&
         std::all_of(device.precisions.begin(), device.precisions.end(),
                     [](const PrecisionModel& p) { return p.efficiency <= 1; });
}

}  // namespace

DeviceModel fit(const DeviceModel& device, const std::vector<LayerWork>& work,
                const std::vector<PublishedRate>& rates) {
  constexpr double kImpossible = 1e9;
  DeviceModel result = device;
  // Searched for by their logarithms, since all are positive.
  std::vector<double*> parameters{&result.bandwidth_share, &result.call_us};
  Point best{std::log(0.5), std::log(300)};
  for (PrecisionModel& precision : result.precisions)
    if (occurs(rates, precision.precision)) {
      parameters.push_back(&precision.efficiency);
      best.push_back(std::log(0.5));
    }
  if (rates.size() < parameters.size())
    throw Error(ErrorCode::kInvalidArgument, fmt::format("a fit of {} parameters: expected at least as many "
                                                         "published rates, got {}",
                                                         parameters.size(), rates.size()));
  const auto set = [&](const Point& point) {
    for (std::size_t i = 0; i < point.size(); ++i) *parameters[i] = std::exp(point[i]);
  };
  const Cost cost = [&](const Point& point) {
    set(point);
    if (!shares_are_possible(result)) return kImpossible;
    double sum = 0;
    for (const PublishedRate& rate : rates) {
      const double projected = project_row(work, result, rate.batch, 1, rate.precision).images_per_second;
      const double error = std::log(std::max(projected, 1e-9) / rate.images_per_second);
      sum += error * error;
    }
    return sum;
  };
  // A simplex may collapse beside the minimum, at the kinks of the cost; new ones of other sizes go on.
  for (const double step : {0.5, 0.2, 0.1, 0.05, 0.02, -0.2, -0.1, -0.05, -0.02, 0.01, -0.01})
    best = simplex_search(best, step, cost);
  set(best);
  return result;
}

double fit_device_cost(const std::vector<PublishedScaling>& scalings) {
  double products = 0;
  double squares = 0;
  for (const PublishedScaling& scaling : scalings) {
    const double others = scaling.devices - 1;
    products += others * (1 - scaling.relative / scaling.devices);
    squares += others * others;
  }
  return squares > 0 ? std::max(0.0, products / squares) : 0;
}

}  // namespace octet::lab
