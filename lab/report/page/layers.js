// Where the time goes, layer by layer, and the waterfall from what INT8 could do at best to what it does.
const BOUND_NAMES = {
  compute: "arithmetic",
  memory: "memory",
  l2: "L2 cache",
  l3: "L3 cache",
  epilogue: "making outputs"
};
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
  {head: "share of bound", value: (row) => formatPercent(row.bound_share)},
];
const layersName = (entry) => `${networkName(entry.network)}, ${precisionName(entry.precision)}`;

/// The first step is a time, those after it add to it (or take away), the last is the time that this leads
/// to.
function waterfallBars(steps) {
  let level = 0;
  return steps.map((step, index) => {
    const whole = index === 0 || index + 1 === steps.length;
    const bar = whole ? [0, step.ms] : [level, level + step.ms];
    level = bar[1];
    return {...step, whole, bar};
  });
}

/// The waterfalls of one network have one scale, so that its precisions can be compared.
function longestTime(entries, network) {
  const times = entries.filter((entry) => entry.network === network)
                    .flatMap((entry) => waterfallBars(entry.waterfall).flatMap((bar) => bar.bar));
  return Math.max(...times.filter(isNumber));
}

function waterfallFigure(entry, longest) {
  const bars = waterfallBars(asList(entry.waterfall).filter((step) => isNumber(step.ms)));
  const colour = (bar) => bar.whole ? COLOURS.blue : bar.ms < 0 ? COLOURS.green : COLOURS.vermillion;
  const fill = (bar) => bar.whole ? COLOURS.blue : patternFill(colour(bar), bar.ms < 0 ? "dots" : "diagonal");
  const whole = Math.max(...bars.map((bar) => Math.abs(bar.ms)));
  const decimals = whole > 0 ? Math.min(Math.max(2 - Math.floor(Math.log10(whole)), 0), 6) : 0;
  const words = (bar) =>
      `${bar.whole ? formatFixed(bar.ms, decimals) : formatDifference(bar.ms, decimals)} ms`;
  return figure({
    title: `${layersName(entry)}, batch ${
        formatCount(entry.batch)}: where the gain comes from and where it goes`,
    type: "bar",
    sideways: true,
    height: 370,
    labels: bars.map((bar) => bar.step),
    x: axis({title: "ms per batch", min: 0, suggestedMax: longest}),
    y: nameAxis(),
    datasets: [{
      label: "time",
      data: bars.map((bar) => bar.bar),
      barLabels: bars.map(words),
      backgroundColor: bars.map(fill),
      borderColor: bars.map(colour),
      borderWidth: 1,
      borderSkipped: false,
      maxBarThickness: 22,
      minBarLength: 2,
    }],
    tooltip:
        (context) => [words(bars[context.dataIndex]), bars[context.dataIndex].text ?? ""].filter(Boolean),
  });
}

/// What a layer's time is made of (lab/profile/layer_profile.h). A layer that is faster than its operations
/// at the peak has `saved` below zero, and then all of its time is arithmetic.
const TIME_PARTS = [
  {
    label: "arithmetic, at the peak",
    colour: COLOURS.blue,
    ms: (parts) => (parts.arithmetic ?? 0) + (parts.saved ?? 0)
  },
  {
    label: "kernel, below the peak",
    colour: COLOURS.vermillion,
    pattern: "diagonal",
    ms: (parts) => parts.kernel
  },
  {label: "memory", colour: COLOURS.orange, pattern: "dots", ms: (parts) => parts.memory},
  {label: "layout", colour: COLOURS.purple, ms: (parts) => parts.layout},
  {label: "other work", colour: COLOURS.grey, pattern: "diagonal", ms: (parts) => parts.other},
];
const LAYERS_DRAWN = 24;

/// The layers that take longest, in the order of the network.
function longestLayers(entry) {
  const layers = asList(entry.layers)
                     .filter((layer) => isNumber(layer.ms) && Object.keys(asObject(layer.parts)).length > 0);
  const least =
      layers.map((layer) => layer.ms).sort((a, b) => b - a)[Math.min(LAYERS_DRAWN, layers.length) - 1];
  return layers.filter((layer) => layer.ms >= least).slice(0, LAYERS_DRAWN);
}

function partsFigure(entry) {
  const layers = longestLayers(entry);
  if (layers.length === 0) return null;
  const total = asList(entry.layers).length;
  const datasets =
      TIME_PARTS
          .map((part) => ({
                 label: part.label,
                 data: layers.map((layer) => part.ms(layer.parts) ?? 0),
                 backgroundColor: part.pattern ? patternFill(part.colour, part.pattern) : part.colour,
                 borderColor: part.colour,
                 borderWidth: 1,
                 maxBarThickness: 16,
                 pointStyle: "rect",
               }))
          .filter((dataset) => dataset.data.some((ms) => ms > 0));
  const made = figure({
    title: `${layersName(entry)}, batch ${formatCount(entry.batch)}: what the time of ${
        layers.length < total ? `the ${layers.length} longest of ${total} layers` : "each layer"} is made of`,
    type: "bar",
    sideways: true,
    datasets,
    labels: layers.map((layer) => shortened(layer.layer ?? "")),
    height: 100 + 20 * layers.length,
    legend: true,
    unit: "ms",
    x: {...axis({title: "ms per batch", min: 0}), stacked: true},
    y: nameAxis({stacked: true}),
  });
  made.classList.add("wide");
  return made;
}

const shortened = (name) => name.length > 26 ? `${name.slice(0, 12)}…${name.slice(-12)}` : name;

function layersTables(entry) {
  const bars = asList(entry.waterfall);
  const layers = asList(entry.layers).map((layer, index) => ({number: index + 1, ...layer}));
  return fold(
      `Tables of ${layersName(entry)}: ${formatAmount(layers.length, "layer")}`,
      paragraph(
          [
            isNumber(entry.batch) && `Batch ${formatCount(entry.batch)}`,
            isNumber(entry.threads) && formatAmount(entry.threads, "thread"), entry.isa && isaName(entry.isa),
            isNumber(entry.sum_ms) && `sum of the layers ${formatNumber(entry.sum_ms)} ms`,
            isNumber(entry.whole_ms) &&
                `whole network, measured without timing its layers, ${formatNumber(entry.whole_ms)} ms`
          ].filter(Boolean)
              .join("; "),
          ". ", recordLink(entry.record)),
      bars.length > 0 ? table(
                            [
                              {head: "step", text: true, value: (row) => row.step},
                              {head: "ms", value: (row) => formatNumber(row.ms)},
                              {head: "what it is", text: true, value: (row) => longText(row.text)}
                            ],
                            bars) :
                        null,
      layers.length > 0 ? table(LAYER_COLUMNS, layers) : null);
}

const layersSection = {
  id: "layers",
  title: "Where the time goes",
  build() {
    const entries = listOf("layers");
    if (entries.length === 0)
      return [missing("Layers were not timed. ", code("octet profile NETWORK"), " times them.")];
    const done = entries.filter(measured);
    const drawn = done.filter((entry) => asList(entry.waterfall).length > 1);
    return [
      paragraph(
          "If multiplying were all there is to it, a network would take its operations over this machine's peak, and INT8 would gain as much as its instructions are faster. A waterfall starts from that time and adds, from top to bottom, what takes the gain away again, down to the time measured. Hatched bars add time, dotted ones save it."),
      drawn.length > 0 ?
          figures(drawn.map((entry) => waterfallFigure(entry, longestTime(drawn, entry.network)))) :
          missing("No waterfall can be drawn: no layers were timed on a machine whose peak is known."),
      figures(done.filter((entry) => entry.precision === "int8").map(partsFigure).filter(Boolean)),
      ...entries.filter((entry) => !measured(entry))
          .map((entry) => missing(`${layersName(entry)}: ${outcomeText(entry)}.`)),
      ...done.map(layersTables),
    ];
  },
};
