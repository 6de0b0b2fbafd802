// Name of the laboratory's JSON type, for headers; the type itself is in json.h.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace octet::lab {

template <class T, class Enable = void>
struct CheckedConversion;

/// Objects keep the order of their keys. Taking an integer from a number that it cannot hold is an error of
/// the type Json::exception, as taking one from a text is.
using Json = nlohmann::basic_json<nlohmann::ordered_map, std::vector, std::string, bool, std::int64_t,
                                  std::uint64_t, double, std::allocator, CheckedConversion>;

}  // namespace octet::lab
