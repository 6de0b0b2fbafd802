// Pooling kernels: what does not depend on the instruction set. Splits output rows over workers, clips the
// windows' rows, prepares the divisors.
#include <algorithm>
#include <vector>

#include "kernels/families.h"
#include "kernels/pool_f32/contract.h"

namespace octet::kernels {
namespace {

/// One axis of the window: [begin, end) of input positions under output position `out`, clipped to the input,
/// and what an average divides by along this axis.
struct Extent {
  std::int64_t begin, end;
  std::int64_t divisor;
};
Extent extent_of(std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t pad_before,
                 std::int64_t pad_after, std::int64_t size, AverageDivisor divisor) {
  const std::int64_t start = out * stride - pad_before;
  Extent extent;
  extent.begin = std::clamp<std::int64_t>(start, 0, size);
  extent.end = std::clamp(start + kernel, extent.begin, size);
  const std::int64_t padded = std::min(start + kernel, size + pad_after) - start;
  const std::int64_t valid = extent.end - extent.begin;
  extent.divisor = std::max<std::int64_t>(divisor == AverageDivisor::kPaddedWindow ? padded : valid, 1);
  return extent;
}

class Pool final : public Kernel {
 public:
  Pool(const PoolDesc& desc, const PoolF32Functions& functions)
      : desc_(desc), row_function_(desc.kind == PoolKind::kMax ? functions.max_row : functions.average_row) {
    const WindowDesc& w = desc.window;
    const std::int64_t last_start = desc.input.width + w.pad_left - w.kernel_w;
    interior_begin_ = std::min((w.pad_left + w.stride_w - 1) / w.stride_w, desc.output.width);
    interior_end_ = last_start < 0 ? 0 : std::min(last_start / w.stride_w + 1, desc.output.width);
    interior_end_ = std::max(interior_end_, interior_begin_);
    for (std::int64_t y = 0; y < desc.output.height; ++y) {
      rows_.push_back(
          extent_of(y, w.kernel_h, w.stride_h, w.pad_top, w.pad_bottom, desc.input.height, desc.divisor));
    }
    if (desc.kind == PoolKind::kAverage) prepare_reciprocals();
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
  /// A row of reciprocals for each divisor that occurs along the vertical axis (few: the borders' and one).
  void prepare_reciprocals() {
    const WindowDesc& w = desc_.window;
    std::vector<std::int64_t> divisors;
    for (const Extent& row : rows_) {
      const auto found = std::find(divisors.begin(), divisors.end(), row.divisor);
      reciprocal_row_.push_back(found - divisors.begin());
      if (found != divisors.end()) continue;
      divisors.push_back(row.divisor);
      for (std::int64_t x = 0; x < desc_.output.width; ++x) {
        const Extent column =
            extent_of(x, w.kernel_w, w.stride_w, w.pad_left, w.pad_right, desc_.input.width, desc_.divisor);
        reciprocals_.push_back(static_cast<float>(1.0 / static_cast<double>(row.divisor * column.divisor)));
      }
    }
  }

  void run_row(const Call& call, std::int64_t image, std::int64_t block, std::int64_t y) const noexcept {
    const Operand& input = call.inputs[0];
    const Extent& extent = rows_[static_cast<std::size_t>(y)];
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
    row.interior_begin = interior_begin_;
    row.interior_end = interior_end_;
    row.reciprocals = nullptr;
    if (!reciprocals_.empty()) {
      row.reciprocals = reciprocals_.data() + reciprocal_row_[static_cast<std::size_t>(y)] * row.out_width;
    }
    if (row.rows < 1) {
      std::fill_n(row.output, row.out_width * kChannelBlock, 0.0f);
    } else {
      row_function_(row);
    }
  }

  PoolDesc desc_;
  void (*row_function_)(const PoolRow&);
  std::int64_t interior_begin_ = 0, interior_end_ = 0;
  std::vector<Extent> rows_;
  std::vector<float> reciprocals_;
  std::vector<std::int64_t> reciprocal_row_;
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
