#pragma once
namespace octet {
inline constexpr const char* kVersion = "0.1.0";
}
