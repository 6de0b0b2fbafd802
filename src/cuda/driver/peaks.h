// What a device can do at most, by its facts and its architecture.
#pragma once

namespace octet::cuda::driver {

/// Threads of a multiprocessor that finish a dp4a a clock; 0 if unknown.
int dp4a_lanes(int sm);
/// Multiply-accumulates of bytes that a multiprocessor's tensor cores finish a clock, of dense matrices; 0
/// without tensor cores for bytes, or if unknown.
int tensor_macs(int sm);

/// 1e12 operations a second, a multiply-accumulate being two.
double dp4a_tops(int sm, int multiprocessors, double clock_mhz);
double tensor_tops(int sm, int multiprocessors, double clock_mhz);
/// 1e9 bytes a second: the memories of all these devices move two bits a line in a clock.
double memory_gbps(double clock_mhz, int bus_bits);

}  // namespace octet::cuda::driver
