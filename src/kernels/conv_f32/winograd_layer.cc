#include "kernels/conv_f32/winograd_layer.h"

#include "kernels/conv_dot/convolution.h"
#include "kernels/conv_f32/convolution.h"
#include "kernels/conv_f32/direct_geometry.h"

namespace octet::kernels::conv_f32 {
namespace {

/// r of a layer that this method computes, else 0.
std::int64_t kernel_of(const ConvDesc& desc) {
  const WindowDesc& w = desc.window;
  if (w.kernel_h != w.kernel_w || w.stride_h != w.stride_w || w.dilation_h != 1 || w.dilation_w != 1)
    return 0;
  const std::int64_t inputs = desc.input.channels / desc.groups, outputs = desc.output.channels / desc.groups;
  const auto whole_blocks = [](std::int64_t channels) { return channels % kChannelBlock == 0; };
  if (desc.groups > 1 && !whole_blocks(outputs)) return 0;
  if (desc.input.layout != Layout::kNchw) {
    if (w.stride_h != 1 || inputs < kChannelBlock || (desc.groups > 1 && !whole_blocks(inputs))) return 0;
  } else if (kChannelBlock % w.stride_h != 0) {
    return 0;  // the phases of a pixel would straddle two blocks
  }
  const std::int64_t r = divide_up(w.kernel_h, w.stride_h);
  return r >= kWinogradSmallestKernel && r <= kWinogradLargestKernel ? r : 0;
}

}  // namespace

WinogradLayer::WinogradLayer(const ConvDesc& conv, std::int64_t r)
    : desc(conv),
      kernel(static_cast<int>(r)),
      stride(conv.window.stride_h),
      groups(conv.groups),
      inputs(conv.input.channels / groups * stride * stride),
      outputs(conv.output.channels / groups),
      depth(divide_up(inputs, 4) * 4),
      input_blocks(divide_up(inputs, kChannelBlock)),
      output_blocks(divide_up(outputs, kChannelBlock)),
      panels_of_group(divide_up(output_blocks, kWinogradPanelBlocks)),
      rows(conv.output.height, winograd_tile(kernel)),
      columns(conv.output.width, winograd_tile(kernel)) {}

std::optional<WinogradLayer> WinogradLayer::of(const OpDesc& op, DataType input) {
  const ConvDesc* const desc =
      input == DataType::kBFloat16 ? conv_dot::as_convolution(op, input) : as_convolution(op);
  const std::int64_t r = desc ? kernel_of(*desc) : 0;
  if (r == 0) return std::nullopt;
  return WinogradLayer(*desc, r);
}

WinogradTiles::WinogradTiles(const WinogradLayer& layer, Share range) {
  constexpr std::size_t kOrder[2][2] = {{1, 2}, {0, 3}};  // [short rows][short columns]
  std::array<WinogradTile, kWinogradMaxBlock> unsorted;
  const auto count = static_cast<std::size_t>(range.end - range.begin);
  const std::int64_t columns = layer.columns.tiles();
  for (std::size_t t = 0; t < count; ++t) {
    const std::int64_t number = range.begin + static_cast<std::int64_t>(t);
    const std::int64_t place = number % layer.tiles_per_image(), row = place / columns,
                       column = place % columns;
    WinogradTile& tile = unsorted[t];
    tile = {.image = number / layer.tiles_per_image(),
            .y = layer.rows.begin(row),
            .x = layer.columns.begin(column),
            .height = layer.rows.size(row),
            .width = layer.columns.size(column),
            .short_rows = layer.rows.is_short(row),
            .short_columns = layer.columns.is_short(column)};
    ++begin_[kOrder[tile.short_rows][tile.short_columns] + 1];
  }
  for (std::size_t kind = 1; kind < begin_.size(); ++kind) begin_[kind] += begin_[kind - 1];
  std::array<std::int64_t, 5> next = begin_;
  for (std::size_t t = 0; t < count; ++t) {
    std::int64_t& place = next[kOrder[unsorted[t].short_rows][unsorted[t].short_columns]];
    tiles_[static_cast<std::size_t>(place++)] = unsorted[t];
  }
}

}  // namespace octet::kernels::conv_f32
