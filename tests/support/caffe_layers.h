// A Caffe network for tests of what reads such files.
#pragma once

namespace octet::test {

/// All kinds of layers, in the newer form.
inline constexpr const char* kAllCaffeLayers = R"(name: "all"
input: "data"
input_shape { dim: 1 dim: 4 dim: 9 dim: 9 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 3 pad: 1 group: 2 } }
layer { name: "b" type: "BatchNorm" bottom: "c" top: "c" batch_norm_param { eps: 1e-5 } }
layer { name: "s" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" relu_param { negative_slope: 0.1 } }
layer { name: "n" type: "LRN" bottom: "c" top: "n" lrn_param { local_size: 5 alpha: 0.1 } }
layer { name: "p" type: "Pooling" bottom: "n" top: "p" pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layer { name: "e" type: "Eltwise" bottom: "p" bottom: "p" top: "e" eltwise_param { operation: SUM coeff: [1, -1] } }
layer { name: "k" type: "Concat" bottom: "p" bottom: "e" top: "k" }
layer { name: "f" type: "InnerProduct" bottom: "k" top: "f" inner_product_param { num_output: 10 } }
layer { name: "d" type: "Dropout" bottom: "f" top: "f" include { phase: TEST } }
layer { name: "h" type: "Reshape" bottom: "f" top: "h" reshape_param { shape { dim: 0 dim: 5 dim: -1 } } }
layer { name: "l" type: "Flatten" bottom: "h" top: "l" }
layer { name: "m" type: "Softmax" bottom: "l" top: "m" }
)";

}  // namespace octet::test
