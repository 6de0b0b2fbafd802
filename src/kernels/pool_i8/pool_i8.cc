// Pooling kernels of narrow maps: what does not depend on the instruction set. Splits output rows over
// workers, clips the windows' rows, prepares the averages' factors.
#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/families.h"
#include "kernels/integer/arithmetic.h"
#include "kernels/integer/padding.h"
#include "kernels/pool_i8/contract.h"
#include "kernels/pool_windows.h"

namespace octet::kernels {
namespace {

PoolI8Function function_of(const PoolDesc& desc, const PoolI8Functions& f) {
  const DataType type = desc.input.type;
  if (desc.kind == PoolKind::kMax)
    return type == DataType::kUInt8 ? f.max_u8 : type == DataType::kInt16 ? f.max_s16 : f.max_bf16;
  if (desc.output.type == DataType::kFloat32) return f.average_u8_to_f32;
  return type == DataType::kUInt8 ? f.average_u8 : type == DataType::kInt16 ? f.average_s16 : f.average_bf16;
}

class Pool final : public Kernel {
 public:
  Pool(const PoolDesc& desc, const PoolI8Functions& functions)
      : desc_(desc), windows_(desc), row_function_(function_of(desc, functions)) {
    if (desc.kind == PoolKind::kAverage)
      windows_.prepare_factors(desc, [this](std::int64_t divisor) { return factor_of(divisor); });
  }

  void run(const Call& call) const noexcept override {
    const std::int64_t out_height = desc_.output.height;
    const Share share = share_of(call.images * out_height, call.worker, call.workers);
    for (std::int64_t item = share.begin; item < share.end; ++item)
      run_row(call, item / out_height, item % out_height);
  }

 private:
  float factor_of(std::int64_t divisor) const {
    const auto count = static_cast<float>(divisor);
    if (desc_.input.type == DataType::kBFloat16) return 1.0f / count;
    if (desc_.output.type == DataType::kFloat32) return desc_.input.quantization.scale / count;
    return desc_.input.quantization.scale / desc_.output.quantization.scale / count;
  }

  void run_row(const Call& call, std::int64_t image, std::int64_t y) const noexcept {
    const FeatureMap &in = desc_.input, &out = desc_.output;
    const bool to_real = out.type == DataType::kFloat32;
    const auto in_size = static_cast<std::int64_t>(size_of(in.type));
    const auto out_size = static_cast<std::int64_t>(size_of(out.type));
    const PoolExtent& extent = windows_.rows[static_cast<std::size_t>(y)];
    PoolI8Row row{};
    row.pixel_step = in.pixel_step();
    row.row_pitch = in.width * row.pixel_step;
    row.input =
        call.inputs[0].data + (image * call.inputs[0].image_stride + extent.begin * row.row_pitch) * in_size;
    row.out_step = to_real ? kChannelBlock : out.pixel_step();
    row.out_plane = out.pixels() * kChannelBlock;
    row.output =
        call.output.data + (image * call.output.image_stride + y * out.width * row.out_step) * out_size;
    row.rows = extent.end - extent.begin;
    row.width = in.width;
    row.out_width = out.width;
    row.channels = in.padded_channels();
    row.kernel_w = desc_.window.kernel_w;
    row.stride_w = desc_.window.stride_w;
    row.pad_left = desc_.window.pad_left;
    row.interior_begin = windows_.interior_begin;
    row.interior_end = windows_.interior_end;
    if (in.type == DataType::kUInt8) row.zero_in = in.quantization.zero_point;
    if (in.type != DataType::kBFloat16 && !to_real) {
      const integer::Range range = integer::range_of(out);
      row.zero_out = static_cast<float>(out.quantization.zero_point);
      row.low = range.low, row.high = range.high;
    }
    if (!windows_.factors.empty())
      row.factors =
          windows_.factors.data() + windows_.factor_rows[static_cast<std::size_t>(y)] * row.out_width;
    if (row.rows < 1) {  // no input at all: as if the row had no pixels
      row.rows = 1, row.width = 0;
      row.interior_begin = row.interior_end = 0;
    }
    row_function_(row);
  }

  PoolDesc desc_;
  PoolWindows windows_;
  PoolI8Function row_function_;
};

/// True if the sum of a window's integers may leave s32.
bool may_overflow(const PoolDesc& pool) {
  const std::int64_t height = std::min(pool.window.kernel_h, pool.input.height);
  const std::int64_t width = std::min(pool.window.kernel_w, pool.input.width);
  const std::int64_t largest = pool.input.type == DataType::kUInt8 ? 255 : 32767;
  return height > std::numeric_limits<std::int32_t>::max() / largest / width;
}

/// Reads under all windows of one image, times what one costs; below 0 if this is not ours.
double cost(const OpDesc& desc, double unit) {
  const auto* pool = std::get_if<PoolDesc>(&desc);
  if (pool == nullptr) return -1;
  const FeatureMap &in = pool->input, &out = pool->output;
  const WindowDesc& w = pool->window;
  if (!integer::is_narrow_map(in) || in.type == DataType::kInt8 || in.type == DataType::kInt32) return -1;
  if (in.channels != out.channels || w.dilation_h != 1 || w.dilation_w != 1) return -1;
  if (w.kernel_h < 1 || w.kernel_w < 1 || w.stride_h < 1 || w.stride_w < 1) return -1;
  if (w.pad_top < 0 || w.pad_left < 0 || w.pad_bottom < 0 || w.pad_right < 0) return -1;
  if (out.type == DataType::kFloat32) {
    if (in.type != DataType::kUInt8 || pool->kind != PoolKind::kAverage) return -1;
    if (out.layout != Layout::kNchw16c) return -1;
  } else {
    if (in.type != out.type || !integer::is_narrow_map(out)) return -1;
    if (pool->kind == PoolKind::kMax && in.quantization != out.quantization) return -1;
  }
  if (pool->kind == PoolKind::kAverage && in.type != DataType::kBFloat16 && may_overflow(*pool)) return -1;
  return unit * static_cast<double>(out.padded_channels()) * static_cast<double>(out.pixels()) *
         static_cast<double>(w.kernel_h) * static_cast<double>(w.kernel_w);
}

std::unique_ptr<Kernel> create(const OpDesc& desc, const PoolI8Functions& functions) {
  return std::make_unique<Pool>(std::get<PoolDesc>(desc), functions);
}

}  // namespace

double pool_i8_generic_cost(const OpDesc& desc, int) { return cost(desc, 8); }
std::unique_ptr<Kernel> pool_i8_generic(const OpDesc& desc) { return create(desc, kPoolI8Generic); }

#ifdef OCTET_X86
double pool_i8_avx2_cost(const OpDesc& desc, int) { return cost(desc, 2); }
std::unique_ptr<Kernel> pool_i8_avx2(const OpDesc& desc) { return create(desc, kPoolI8Avx2); }
double pool_i8_avx512_cost(const OpDesc& desc, int) { return cost(desc, 1); }
std::unique_ptr<Kernel> pool_i8_avx512(const OpDesc& desc) { return create(desc, kPoolI8Avx512); }
#endif

}  // namespace octet::kernels
