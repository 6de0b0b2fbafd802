// Pooling kernels: what does not depend on the instruction set. Splits output rows over workers, clips the
// windows' rows, prepares the divisors.
#include <algorithm>
#include <vector>

#include "kernels/families.h"
#include "kernels/pool_f32/contract.h"
#include "kernels/pool_windows.h"

namespace octet::kernels {
namespace {

class Pool final : public Kernel {
 public:
  Pool(const PoolDesc& desc, const PoolF32Functions& functions)
      : desc_(desc),
        windows_(desc),
        row_function_(desc.kind == PoolKind::kMax ? functions.max_row : functions.average_row) {
    if (desc.kind == PoolKind::kAverage)
      windows_.prepare_factors(
          desc, [](std::int64_t divisor) { return static_cast<float>(1.0 / static_cast<double>(divisor)); });
  }

  void run(const Call& call) const noexcept override {
    const std::int64_t out_height = desc_.output.height;
    const std::int64_t rows_per_image = desc_.output.blocks() * out_height;
    const Share share = share_of(call.images * rows_per_image, call.worker, call.workers);
    for (std::int64_t item = share.begin; item < share.end; ++item) {
      const std::int64_t image = item / rows_per_image;
      const std::int64_t block = item % rows_per_image / out_height;
      run_row(call, image, block, item % out_height);
    }
  }

 private:
  void run_row(const Call& call, std::int64_t image, std::int64_t block, std::int64_t y) const noexcept {
    const Operand& input = call.inputs[0];
    const PoolExtent& extent = windows_.rows[static_cast<std::size_t>(y)];
    PoolRow row;
    row.row_pitch = desc_.input.width * kChannelBlock;
    row.input = input.floats() + image * input.image_stride + block * desc_.input.pixels() * kChannelBlock +
                extent.begin * row.row_pitch;
    row.output = call.output.floats() + image * call.output.image_stride +
                 (block * desc_.output.height + y) * desc_.output.width * kChannelBlock;
    row.rows = extent.end - extent.begin;
    row.width = desc_.input.width;
    row.out_width = desc_.output.width;
    row.kernel_w = desc_.window.kernel_w;
    row.stride_w = desc_.window.stride_w;
    row.pad_left = desc_.window.pad_left;
    row.interior_begin = windows_.interior_begin;
    row.interior_end = windows_.interior_end;
    row.reciprocals = nullptr;
    if (!windows_.factors.empty()) {
      row.reciprocals =
          windows_.factors.data() + windows_.factor_rows[static_cast<std::size_t>(y)] * row.out_width;
    }
    if (row.rows < 1) {
      std::fill_n(row.output, row.out_width * kChannelBlock, 0.0f);
    } else {
      row_function_(row);
    }
  }

  PoolDesc desc_;
  PoolWindows windows_;
  void (*row_function_)(const PoolRow&);
};

/// Reads under all windows of one image, times what one costs; below 0 if this is not ours.
double cost(const OpDesc& desc, double unit) {
  const auto* pool = std::get_if<PoolDesc>(&desc);
  if (pool == nullptr) return -1;
  const FeatureMap &in = pool->input, &out = pool->output;
  const WindowDesc& w = pool->window;
  if (in.layout != Layout::kNchw16c || out.layout != Layout::kNchw16c) return -1;
  if (in.type != DataType::kFloat32 || out.type != DataType::kFloat32) return -1;
  if (in.channels != out.channels || w.dilation_h != 1 || w.dilation_w != 1) return -1;
  if (w.kernel_h < 1 || w.kernel_w < 1 || w.stride_h < 1 || w.stride_w < 1) return -1;
  if (w.pad_top < 0 || w.pad_left < 0 || w.pad_bottom < 0 || w.pad_right < 0) return -1;
  return unit * static_cast<double>(out.elements()) * static_cast<double>(w.kernel_h) *
         static_cast<double>(w.kernel_w);
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const PoolF32Functions& functions) {
  return std::make_unique<Pool>(std::get<PoolDesc>(desc), functions);
}

}  // namespace

double pool_f32_generic_cost(const OpDesc& desc, int) { return cost(desc, 8); }
std::unique_ptr<Kernel> pool_f32_generic(const OpDesc& desc) { return create(desc, kPoolF32Generic); }

#ifdef OCTET_X86
double pool_f32_avx2_cost(const OpDesc& desc, int) { return cost(desc, 2); }
std::unique_ptr<Kernel> pool_f32_avx2(const OpDesc& desc) { return create(desc, kPoolF32Avx2); }
double pool_f32_avx512_cost(const OpDesc& desc, int) { return cost(desc, 1); }
std::unique_ptr<Kernel> pool_f32_avx512(const OpDesc& desc) { return create(desc, kPoolF32Avx512); }
#endif

}  // namespace octet::kernels
