// Where the gain of INT8 comes from and where it goes. If multiplying were all there is to it, a network
// would take its operations over FP32's peak, and with INT8 as much less as its instructions are faster. The
// waterfall starts there and adds what the layers' times hold beyond it:
//
//   FP32 at its peak       all operations at the measured peak of FP32
//   INT8's instructions    - what the peak of INT8 (BF16) saves, for the layers whose kernels work with it
//   fewer operations       - layers faster than their operations at the peak: Winograd's algorithm
//   kernels                + layers of MACs above the time that their operations or their bytes need
//   memory                 + where their bytes need longer than their operations
//   other layers           + pooling, normalisation, softmax, additions
//   layout                 + copies, concatenations and conversions between types
//   waiting                + what the whole run takes beyond its layers: threads waiting for each other
//   INT8 measured          = the whole run
//
// Changes of nothing are left out. A run of FP32 has the same without the second line.
#pragma once

#include <vector>

#include "lab/profile/layer_profile.h"

namespace octet::lab {

/// What the layer's median time is made of; `ms` of it.
TimeParts time_parts(const LayerSamples& layer, double ms, int batch, const MachinePeaks& peak);

/// From the layers' parts, the operations and whole_ms. Empty where no peak of FP32 was measured.
std::vector<WaterfallStep> waterfall(const LayerRecord& record, const LayerProfile& profile);

/// Helpers of both files.
/// 0 where the speed was not measured.
double time_ms(double amount, double per_second);
bool works_on_bytes(const LayerSamples& layer);
double giga_operations(const LayerSamples& layer, int batch);
double giga_bytes(const LayerSamples& layer, int batch);
/// How often the layer's weights are read for a batch.
int count_groups(const LayerSamples& layer, int batch);
/// The peak of the layer's type, 1e9 operations a second; 0 where not measured.
double peak_of(const LayerSamples& layer, const MachinePeaks& peak);
/// That of what the kernel multiplies: VNNI has half as many products of 16 bits, which exact Winograd's are.
double peak_of_kernel(const LayerSamples& layer, const MachinePeaks& peak);

}  // namespace octet::lab
