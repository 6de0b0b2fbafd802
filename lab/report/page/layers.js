// Where the time goes, layer by layer, and the waterfall from what INT8 could do at best to what it does.
const BOUND_NAMES = {compute: "arithmetic", memory: "memory", cache: "cache", overhead: "overhead"};
const LAYER_COLUMNS = [
  {head: "no.", value: (row) => formatCount(row.number)},
  {head: "layer", text: true, value: (row) => row.layer ?? NO_VALUE},
  {head: "operation", text: true, value: (row) => row.op ?? NO_VALUE},
  {head: "kernel", text: true, value: (row) => row.kernel ?? NO_VALUE},
  {head: "ms", value: (row) => formatNumber(row.ms)},
  {head: "share of time", value: (row) => formatPercent(row.share)},
  {head: "GOP/s", value: (row) => formatNumber(row.gops)},
  {head: "share of peak", value: (row) => formatPercent(row.peak_share)},
  {head: "GB/s", value: (row) => formatNumber(row.gbps)},
  {head: "bound by", text: true, value: (row) => row.bound ? named(BOUND_NAMES)(row.bound) : NO_VALUE},
];
const layersName = (entry) => `${networkName(entry.network)}, ${precisionName(entry.precision)}`;

/// The first step is a time, those after it add to it (or take away), the last is the time that this leads to.
function waterfallBars(steps) {
  let level = 0;
  return steps.map((step, index) => {
    const whole = index === 0 || index + 1 === steps.length;
    const bar = whole ? [0, step.ms] : [level, level + step.ms];
    level = bar[1];
    return {...step, whole, bar};
  });
}

function waterfallFigure(entry) {
  const bars = waterfallBars(asList(entry.waterfall).filter((step) => isNumber(step.ms)));
  const colour = (bar) => bar.whole ? COLOURS.blue : bar.ms < 0 ? COLOURS.green : COLOURS.vermillion;
  const fill = (bar) => bar.whole ? COLOURS.blue : patternFill(colour(bar), bar.ms < 0 ? "dots" : "diagonal");
  const words = (bar) => bar.whole ? `${formatNumber(bar.ms)} ms` : `${formatDifference(bar.ms, Math.abs(bar.ms) < 1 ? 3 : 2)} ms`;
  return figure({
    title: `${layersName(entry)}, batch ${formatCount(entry.batch)}: where the gain comes from and where it goes`, type: "bar", sideways: true, height: 90 + 34 * bars.length,
    labels: bars.map((bar) => bar.step), x: axis({title: "ms per batch", min: 0, grace: "14%"}), y: nameAxis(),
    datasets: [{
      label: "time", data: bars.map((bar) => bar.bar), barLabels: bars.map(words), backgroundColor: bars.map(fill), borderColor: bars.map(colour), borderWidth: 1, borderSkipped: false,
      maxBarThickness: 22, minBarLength: 2,
    }],
    tooltip: (context) => [words(bars[context.dataIndex]), bars[context.dataIndex].text ?? ""].filter(Boolean),
  });
}

function layersTables(entry) {
  const bars = asList(entry.waterfall);
  const layers = asList(entry.layers).map((layer, index) => ({number: index + 1, ...layer}));
  return fold(`Tables of ${layersName(entry)}: ${formatAmount(layers.length, "layer")}`,
    paragraph([isNumber(entry.batch) && `Batch ${formatCount(entry.batch)}`, isNumber(entry.threads) && formatAmount(entry.threads, "thread"), entry.isa && isaName(entry.isa),
               isNumber(entry.sum_ms) && `sum of the layers ${formatNumber(entry.sum_ms)} ms`, isNumber(entry.whole_ms) && `whole network, measured without timing its layers, ${formatNumber(entry.whole_ms)} ms`].filter(Boolean).join("; "), ". ", recordLink(entry.record)),
    bars.length > 0 ? table([{head: "step", text: true, value: (row) => row.step}, {head: "ms", value: (row) => formatNumber(row.ms)}, {head: "what it is", text: true, value: (row) => longText(row.text)}], bars) : null,
    layers.length > 0 ? table(LAYER_COLUMNS, layers) : null);
}

const layersSection = {
  id: "layers", title: "Where the time goes",
  build() {
    const entries = listOf("layers");
    if (entries.length === 0) return [missing("Layers were not timed. ", code("octet profile NETWORK"), " times them.")];
    const done = entries.filter(measured);
    const drawn = done.filter((entry) => asList(entry.waterfall).length > 1);
    return [
      paragraph("If multiplying were all there is to it, INT8 would gain as much over FP32 as its instructions are faster. The waterfall starts from that and adds, from top to bottom, what takes the gain away again; hatched bars add time, dotted ones save it."),
      drawn.length > 0 ? figures(drawn.map(waterfallFigure).map((made) => (made.classList.add("wide"), made))) : missing("No network's layers were timed both in FP32 and in INT8, so there is no waterfall."),
      ...entries.filter((entry) => !measured(entry)).map((entry) => missing(`${layersName(entry)}: ${outcomeText(entry)}.`)), ...done.map(layersTables),
    ];
  },
};
