// Images per second by batch: the study's main figure, one chart a network.

/// Coefficient of variation, and the extremes beneath.
function spread(row) {
  const {cv, min, max} = asObject(row.images_per_second);
  return [
    formatPercent(100 * cv),
    isInterval([min, max]) ? element("span", {class: "interval"}, formatInterval([min, max])) : ""
  ];
}

const THROUGHPUT_COLUMNS = [
  {head: "network", text: true, value: (row) => networkName(row.network)},
  {head: "engine", text: true, value: engineAndWay, peers: true},
  {head: "precision", text: true, value: (row) => precisionName(row.precision)},
  {head: "batch", value: (row) => formatCount(row.batch)},
  {head: "images/s, median", measured: true, value: (row) => withInterval(rateOf(row), rateIntervalOf(row))},
  {head: "variation, min to max", measured: true, value: spread},
  {head: "latency p50, ms", measured: true, value: (row) => formatNumber(asObject(row.latency_ms).p50)},
  {head: "p99, ms", measured: true, value: (row) => formatNumber(asObject(row.latency_ms).p99)},
  {head: "memory", measured: true, value: (row) => formatBytes(row.memory_bytes)},
  {head: "verdict", text: true, measured: true, value: (row) => verdictTag(row.verdict, row.reasons)},
  RECORD_COLUMN,
];

const asPoint = (row) =>
    ({x: row.batch, y: rateOf(row), interval: rateIntervalOf(row), verdict: row.verdict});

/// A series a precision of Octet's rows.
function precisionSeries(rows, point = asPoint) {
  return precisionsOf(rows)
      .map(
          (precision) => lineSeries(
              precisionName(precision), precisionStyle(precision),
              rows.filter((row) => row.precision === precision).map(point)))
      .filter((series) => series.data.length > 0);
}

const throughputSection = {
  id: "throughput",
  title: "Throughput by batch",
  build() {
    const rows = listOf("throughput");
    if (rows.length === 0) return [missing("No throughput was measured.")];
    const drawn = rows.filter((row) => isOctet(row) && measured(row));
    const batches = valuesOf(drawn, "batch");
    const made = networksOf(drawn)
                     .map((network) => {
                       const series = precisionSeries(drawn.filter((row) => row.network === network));
                       return series.length === 0 ? null : figure({
                         title: `${networkName(network)}: images per second by batch`,
                         type: "line",
                         datasets: series,
                         unit: "images/s",
                         legend: true,
                         x: batchAxis(batches),
                         y: axis({title: "images per second", logarithmic: true}),
                       });
                     })
                     .filter(Boolean);
    return [
      paragraph(
          "How many pictures a second this machine computes when it is given one picture at a time (batch 1) or many together. Both axes are logarithmic: equal distances are equal ratios, so parallel lines differ by a constant factor."),
      made.length > 0 ? figures(made) : missing("None of the rows has a figure; the table says why."),
      fold(
          "Table of all rows, with latency and memory",
          table(
              THROUGHPUT_COLUMNS.filter((column) => !column.peers || !rows.every(isOctet)),
              rows.map(withOutcome))),
    ];
  },
};
