// The JSON type of the laboratory: keys keep the order in which they were written. Headers take json_fwd.h.
#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <utility>

#include "lab/support/json_fwd.h"

namespace octet::lab {

template <class T, class Enable>
struct CheckedConversion : nlohmann::adl_serializer<T, Enable> {};

/// The library's own conversion casts, which of a number out of range is undefined.
template <class Integer>
struct CheckedConversion<Integer, std::enable_if_t<std::integral<Integer> && !std::same_as<Integer, bool>>>
    : nlohmann::adl_serializer<Integer> {
  template <class AnyJson>
  static void from_json(const AnyJson& json, Integer& value) {
    if (json.is_number() && !is_in_range(json)) {
      constexpr int kNumberOutOfRange = 406;  // of the library's numbers of errors
      throw AnyJson::out_of_range::create(
          kNumberOutOfRange,
          "expected a number of " + std::to_string(std::numeric_limits<Integer>::min()) + " to " +
              std::to_string(std::numeric_limits<Integer>::max()) + ", got " + json.dump(),
          &json);
    }
    nlohmann::adl_serializer<Integer>::from_json(json, value);
  }

 private:
  template <class AnyJson>
  static bool is_in_range(const AnyJson& json) {
    using Limits = std::numeric_limits<Integer>;
    if (json.is_number_unsigned())
      return std::in_range<Integer>(*json.template get_ptr<const std::uint64_t*>());
    if (json.is_number_integer())
      return std::in_range<Integer>(*json.template get_ptr<const std::int64_t*>());
    // 2^digits, which is a double where the largest integer need not be one. A NaN is in no range.
    const double whole = std::trunc(*json.template get_ptr<const double*>());
    const double end = std::ldexp(1.0, Limits::digits);
    return whole >= static_cast<double>(Limits::min()) && whole < end;
  }
};

}  // namespace octet::lab
