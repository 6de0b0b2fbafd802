// What the analytic model says of devices that are not here. Never drawn without the word, dashes and
// hatching.
const PROJECTED_COLUMNS = [
  {head: "device, projected", text: true, value: (row) => deviceName(row.target)},
  {head: "network", text: true, value: (row) => networkName(row.network)},
  {head: "precision", text: true, value: (row) => precisionName(row.precision)},
  {head: "devices", value: (row) => formatCount(row.devices)},
  {head: "batch", value: (row) => formatCount(row.batch)},
  {head: "images/s, projected", measured: true, value: (row) => formatNumber(row.images_per_second)},
  {head: "latency, ms, projected", measured: true, value: (row) => formatNumber(row.latency_ms)},
  {head: "published images/s", measured: true, value: (row) => formatNumber(publishedRate(row))},
  {
    head: "error",
    measured: true,
    value: (row) => isNumber(publishedRate(row)) ?
        `${formatDifference(100 * (row.images_per_second / publishedRate(row) - 1), 1)} %` :
        NO_VALUE
  },
  RECORD_COLUMN,
];

function publishedRate(row) {
  if (row.devices !== undefined && row.devices !== 1) return undefined;
  const published = publishedOf("throughput")
                        .find(
                            (entry) => entry.network === row.network && entry.precision === row.precision &&
                                entry.device === row.target);
  return published ? published.images_per_second[asList(published.batches).indexOf(row.batch)] : undefined;
}

function projectedFigure(entries, network) {
  const members = entries.filter((entry) => entry.network === network);
  const fitting = (entry) =>
      asList(entry.rows).filter((row) => row.fits !== false && (row.devices ?? 1) === 1);
  const datasets = members.map(
      (entry, index) => lineSeries(
          `${deviceName(entry.target)}, ${precisionName(entry.precision)}, projected`,
          {...seriesStyle(index + 1), dash: PROJECTED_STYLE.dash},
          fitting(entry).map((row) => ({x: row.batch, y: row.images_per_second, note: "projected"}))));
  for (const published of publishedOf("throughput")
           .filter(
               (row) => row.network === network &&
                   members.some(
                       (entry) => entry.target === row.device && entry.precision === row.precision))) {
    datasets.push({
      ...lineSeries(
          `${deviceName(published.device)}, ${precisionName(published.precision)}, published`,
          PUBLISHED_STYLE, pairs(published.batches, published.images_per_second)),
      showLine: false
    });
  }
  return figure({
    title: `Projected: ${networkName(network)}, images per second by batch`,
    type: "line",
    legend: true,
    datasets,
    unit: "images/s",
    x: batchAxis([...new Set(datasets.flatMap((series) => series.data.map((point) => point.x)))].sort(
        (a, b) => a - b)),
    y: axis({title: "images per second, projected", logarithmic: true}),
  });
}

const projectedSection = {
  id: "projected",
  title: "Projected devices",
  build() {
    const entries = listOf("projected");
    if (entries.length === 0)
      return [missing(
          "No device was projected. ", code("octet project NETWORK --target tesla-p40"), " does so.")];
    const drawn = entries.filter(
        (entry) => measured(entry) && asList(entry.rows).some((row) => isNumber(row.images_per_second)));
    const rows = entries.flatMap(
        (entry) => measured(entry) ?
            asList(entry.rows).map((row) => ({
                                     ...row,
                                     network: entry.network,
                                     precision: entry.precision,
                                     target: entry.target,
                                     record: entry.record,
                                     notMeasured: row.fits === false ?
                                         `projected not to fit${
                                             isNumber(row.needed_bytes) ?
                                                 `: needs ${formatBytes(row.needed_bytes)}` :
                                                 ""}` :
                                         ""
                                   })) :
            [withOutcome(entry)]);
    return [
      element(
          "p", {}, element("b", {}, "Nothing in this section was measured. "),
          "An analytic model of the study's accelerators (peak, bandwidth, launch cost, memory) says what they would do. Its parameters were fitted to AlexNet's published curve; where a figure was published, the table has the error."),
      drawn.length > 0 ? figures(networksOf(drawn).map((network) => projectedFigure(drawn, network))) :
                         missing("No row has a figure; the table says why."),
      fold("Table of projections", table(PROJECTED_COLUMNS, rows)),
    ];
  },
};
