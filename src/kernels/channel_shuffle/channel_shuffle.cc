// The channel shuffle kernel: finds where channels lie, splits pixels over workers and writes padding lanes.
#include <algorithm>

#include "kernels/channel_shuffle/contract.h"
#include "kernels/families.h"
#include "kernels/integer/padding.h"

namespace octet::kernels {
namespace {

bool is_blocked(const FeatureMap& map) { return map.layout == Layout::kNchw16c; }

/// Elements from a pixel's channel 0 to channel c.
std::int64_t place(const FeatureMap& map, std::int64_t c) {
  return is_blocked(map) ? c / kChannelBlock * map.pixels() * kChannelBlock + c % kChannelBlock : c;
}
std::int64_t pixel_step(const FeatureMap& map) { return is_blocked(map) ? kChannelBlock : map.pixel_step(); }

class ChannelShuffle final : public Kernel {
 public:
  explicit ChannelShuffle(const ChannelShuffleDesc& desc)
      : in_(desc.map), out_(desc.output), size_(static_cast<std::int64_t>(size_of(in_.type))) {
    const std::int64_t rows = desc.groups, columns = in_.channels / desc.groups;
    for (std::int64_t column = 0; column < columns; ++column)
      for (std::int64_t row = 0; row < rows; ++row) {
        from_.push_back(place(in_, row * columns + column));
        to_.push_back(place(out_, column * rows + row));
      }
    function_ = size_ == 1 ? shuffle_1_byte : size_ == 2 ? shuffle_2_bytes : shuffle_4_bytes;
  }

  void run(const Call& call) const noexcept override {
    const Share share = share_of(call.images * in_.pixels(), call.worker, call.workers);
    for (const auto [image, pixel, pixels] : Stretches(share, in_.pixels())) {
      ChannelShuffleRun run;
      run.input_step = pixel_step(in_), run.output_step = pixel_step(out_);
      run.input =
          call.inputs[0].data + (image * call.inputs[0].image_stride + pixel * run.input_step) * size_;
      run.output = call.output.data + (image * call.output.image_stride + pixel * run.output_step) * size_;
      run.from = from_.data(), run.to = to_.data();
      run.channels = in_.channels;
      run.pixels = pixels;
      function_(run);
      fill_padding(run.output, run.pixels);
    }
  }

 private:
  void fill_padding(std::byte* first, std::int64_t pixels) const noexcept {
    if (!is_blocked(out_)) return integer::fill_padding(first, out_, pixels);
    float* block = reinterpret_cast<float*>(first) + place(out_, (out_.blocks() - 1) * kChannelBlock);
    const std::int64_t lane = out_.channels - (out_.blocks() - 1) * kChannelBlock;
    for (std::int64_t p = 0; p < pixels; ++p)
      std::fill_n(block + p * kChannelBlock + lane, kChannelBlock - lane, 0.0f);
  }

  FeatureMap in_, out_;
  std::int64_t size_;
  std::vector<std::int64_t> from_, to_;
  void (*function_)(const ChannelShuffleRun& run);
};

}  // namespace

double channel_shuffle_generic_cost(const OpDesc& desc, int) {
  const auto* d = std::get_if<ChannelShuffleDesc>(&desc);
  if (d == nullptr || d->groups < 1 || d->map.channels < 1 || d->map.channels % d->groups != 0) return -1;
  if (!d->map.same_sizes(d->output) || d->map.type != d->output.type || d->map.layout != d->output.layout)
    return -1;
  if (d->map.quantization != d->output.quantization) return -1;
  const bool real = d->map.type == DataType::kFloat32 && is_blocked(d->map);
  const bool narrow = integer::is_narrow_map(d->map) && integer::is_narrow_map(d->output);
  return real || narrow ? static_cast<double>(d->map.elements()) : -1;
}
std::unique_ptr<Kernel> channel_shuffle_generic(const OpDesc& desc) {
  return std::make_unique<ChannelShuffle>(std::get<ChannelShuffleDesc>(desc));
}

}  // namespace octet::kernels
