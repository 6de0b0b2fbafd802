// INT8 (and BF16) over FP32: by network beside the published Titan X, and by batch.
const publishedOf = (name) => asList(asObject(results.published)[name]);

/// INT8 over FP32 as published for the Titan X Pascal, [{batch, ratio}] by batch.
function titanXRatios(network) {
  const row = publishedOf("titan_x").find((entry) => entry.network === network);
  return asList(row?.batches)
      .map((batch, index) => ({batch, ratio: row.int8[index] / row.fp32[index]}))
      .filter((point) => isNumber(point.ratio));
}

const ratioWithInterval = (row) =>
    withInterval(asObject(row.ratio).median, asObject(row.ratio).ci95, (value) => formatFixed(value, 2));

const SPEEDUP_COLUMNS = [
  {head: "network", text: true, value: (row) => networkName(row.network)},
  {head: "precision", text: true, value: (row) => precisionName(row.precision)},
  {head: "over", text: true, value: (row) => precisionName(row.over)},
  {head: "batch", value: (row) => formatCount(row.batch)},
  {head: "ratio, median", value: ratioWithInterval},
  {
    head: "Titan X Pascal, published, same batch",
    value: (row) => row.precision === "int8" ?
        formatTimes(titanXRatios(row.network).find((point) => point.batch === row.batch)?.ratio) :
        NO_VALUE
  },
  {
    head: "records",
    text: true,
    value: (row) => element(
        "span", {}, recordLink(throughputKey(row)), " ",
        recordLink(throughputKey({...row, precision: row.over ?? "fp32"})))
  },
];

function speedupByNetwork(rows) {
  const networks = networksOf(rows);
  const largest = Object.fromEntries(networks.map(
      (network) =>
          [network, Math.max(...rows.filter((row) => row.network === network).map((row) => row.batch))]));
  const bars = precisionsOf(rows).map(
      (precision) => barSeries(
          `${precisionName(precision)} over FP32, this machine`, precisionStyle(precision),
          networks.map((network) => {
            const row = rows.find(
                (candidate) => candidate.network === network && candidate.precision === precision &&
                    candidate.batch === largest[network]);
            return row ? {
              y: asObject(row.ratio).median,
              interval: asObject(row.ratio).ci95,
              label: formatFixed(asObject(row.ratio).median, 2)
            } :
                         null;
          })));
  const published = networks.map((network) => titanXRatios(network).at(-1));
  if (published.some(Boolean)) {
    bars.push(barSeries(
        "Titan X Pascal, batch 128, published", PUBLISHED_STYLE,
        published.map((point) => point ? {y: point.ratio, label: formatFixed(point.ratio, 2)} : null)));
  }
  const same = new Set(Object.values(largest)).size === 1 ? largest[networks[0]] : null;
  return figure({
    title: `Speed over FP32, by network${same ? `, batch ${formatCount(same)}` : ""}`,
    type: "bar",
    datasets: bars,
    labels: networks.map(
        (network) =>
            same ? networkName(network) : [networkName(network), `batch ${formatCount(largest[network])}`]),
    x: nameAxis(),
    y: axis({title: "times FP32", min: 0, grace: "8%"}),
    format: formatTimes,
    legend: true,
    reference: {value: 1},
    tooltipTitle: (items) => items.length > 0 ? networkName(networks[items[0].dataIndex]) : "",
  });
}

function speedupByBatch(rows) {
  const int8 = rows.filter((row) => row.precision === "int8");
  const batches = valuesOf(int8, "batch");
  if (batches.length < 2) return null;
  const series = networksOf(int8).map(
      (network, index) => lineSeries(
          networkName(network), seriesStyle(index),
          int8.filter((row) => row.network === network)
              .map(
                  (row) =>
                      ({x: row.batch, y: asObject(row.ratio).median, interval: asObject(row.ratio).ci95}))));
  return figure({
    title: "INT8 over FP32, by batch",
    type: "line",
    datasets: series,
    x: batchAxis(batches),
    y: axis({title: "times FP32", beginAtZero: true, grace: "5%"}),
    format: formatTimes,
    legend: true,
    reference: {value: 1},
  });
}

const speedupSection = {
  id: "speedup",
  title: "INT8 against FP32",
  build() {
    const rows = listOf("speedups").filter((row) => isNumber(asObject(row.ratio).median));
    if (rows.length === 0)
      return [missing(
          "No network was measured in FP32 and in another precision with figures that can be compared.")];
    return [
      paragraph(
          "The same network on the same machine, computed with shorter numbers: at 1 both are equally fast. The study's accelerators reached about three."),
      figures([speedupByNetwork(rows), speedupByBatch(rows)].filter(Boolean)),
      fold("Table of all ratios", table(SPEEDUP_COLUMNS, rows)),
    ];
  },
};
