// The thresholds that calibration chose, beside the largest values that it saw.
//
// real = scale * (q - zero_point). Type u8 has q in 0..255; s8 is symmetric, +-127 steps.
function tensorThreshold(tensor) {
  if (!isNumber(tensor.scale)) return undefined;
  const zero = isNumber(tensor.zero_point) ? tensor.zero_point : 0;
  return tensor.scale * (tensor.type === "s8" ? 127 : Math.max(255 - zero, zero));
}
const largestSeen = (tensor) => Math.max(Math.abs(tensor.min), Math.abs(tensor.max));

const CALIBRATION_COLUMNS = [
  {head: "no.", value: (row) => formatCount(row.number)},
  {head: "tensor", text: true, value: (row) => row.name ?? NO_VALUE},
  {head: "type", text: true, value: (row) => row.type ?? NO_VALUE},
  {head: "scale", value: (row) => formatNumber(row.scale)},
  {head: "zero point", value: (row) => formatCount(row.zero_point)},
  {head: "smallest seen", value: (row) => formatNumber(row.min)},
  {head: "largest seen", value: (row) => formatNumber(row.max)},
  {head: "threshold", value: (row) => formatNumber(tensorThreshold(row))},
  {head: "clipped", value: (row) => formatPercent(row.clipped_share, 3)},
];

function calibrationFigure(entry) {
  const tensors = asList(entry.tensors).map((tensor, index) => ({number: index + 1, ...tensor}));
  const series = (label, style, value) => ({
    ...lineSeries(
        label, style,
        tensors.map((tensor) => ({x: tensor.number, y: value(tensor), note: tensor.name}))
            .filter((point) => point.y > 0)),
    showLine: false,
    pointRadius: 3.5
  });
  return figure({
    title: `${networkName(entry.network)}: threshold and largest value of each tensor`,
    type: "line",
    legend: true,
    datasets: [
      series("largest magnitude seen", {colour: COLOURS.orange, shape: "triangle"}, largestSeen),
      series("threshold", precisionStyle("int8"), tensorThreshold)
    ],
    x: axis({
      title: "tensor, in the order of the network",
      format: (value) => Number.isInteger(value) ? formatCount(value) : ""
    }),
    y: axis({title: "magnitude, in the tensor's units", logarithmic: true}),
  });
}

const calibrationSection = {
  id: "calibration",
  title: "Calibration",
  build() {
    const entries = listOf("calibration");
    const drawn = entries.filter((entry) => measured(entry) && asList(entry.tensors).length > 0);
    if (drawn.length === 0)
      return [
        missing("No calibration is recorded in this study."),
        ...entries.filter((entry) => !measured(entry))
            .map((entry) => missing(`${networkName(entry.network)}: ${outcomeText(entry)}.`))
      ];
    return [
      paragraph(
          "INT8 has 256 values for each tensor. Calibration looks at pictures and chooses the magnitude (threshold) that the last of them stands for: a low one rounds finely and clips what lies beyond, a high one clips nothing and rounds coarsely. Where the threshold lies below the largest value seen, rare large values are clipped."),
      figures(drawn.map(calibrationFigure)),
      ...drawn.map(
          (entry) => fold(
              `Table of ${networkName(entry.network)}'s tensors`,
              paragraph(
                  [
                    entry.method && `Method ${entry.method}`,
                    entry.weight_rounding && `weights rounded: ${entry.weight_rounding}`,
                    isNumber(entry.images) &&
                        `${formatCount(entry.images)} pictures (${entry.data ?? "not described"})`,
                    isNumber(entry.seconds) && formatDuration(entry.seconds)
                  ].filter(Boolean)
                      .join("; "),
                  ". ", recordLink(entry.record ?? `calibration/${entry.network}`)),
              table(
                  CALIBRATION_COLUMNS,
                  entry.tensors.map((tensor, index) => ({number: index + 1, ...tensor}))))),
    ];
  },
};
