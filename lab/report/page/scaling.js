// Throughput and efficiency by ranks (one process a device; here a device is a group of cores or a GPU).
const scalingName = (entry) => `${networkName(entry.network)}, ${precisionName(entry.precision)}`;

const SCALING_COLUMNS = [
  {head: "network", text: true, value: (row) => networkName(row.network)},
  {head: "precision", text: true, value: (row) => precisionName(row.precision)},
  {head: "batch", value: (row) => formatCount(row.batch)},
  {head: "ranks", value: (row) => formatCount(row.ranks)},
  {head: "images/s, all ranks", measured: true, value: (row) => formatNumber(rateOf(row))},
  {head: "sum of the ranks' own rates", measured: true, value: (row) => formatNumber(row.sum_of_rates)},
  {head: "efficiency", measured: true, value: (row) => formatPercent(row.efficiency)},
  {head: "skew, ms", measured: true, value: (row) => formatNumber(row.skew_ms)},
  {head: "serial fraction", measured: true, value: (row) => formatNumber(row.serial_fraction)},
  {head: "verdict", text: true, measured: true, value: (row) => verdictTag(row.verdict, row.reasons)},
  RECORD_COLUMN,
];

function scalingFigures(entries) {
  const ranks =
      [...new Set(entries.flatMap((entry) => valuesOf(asList(entry.rows).filter(measured), "ranks")))].sort(
          (a, b) => a - b);
  const rankAxis = () => axis({title: "ranks", at: ranks, format: formatCount});
  const lines = (point) => entries.map((entry, index) => {
    const rows = asList(entry.rows).filter((row) => measured(row) && row.verdict !== "INVALID");
    return lineSeries(
        scalingName(entry), seriesStyle(index),
        rows.map((row) => ({x: row.ranks, verdict: row.verdict, ...point(row, rows)})));
  });
  const relative = lines((row, rows) => ({
                           y: rateOf(row) / rateOf(rows.find((other) => other.ranks === 1) ?? {}),
                           note: `${formatNumber(rateOf(row))} images/s`
                         }));
  relative.push({
    label: "ideal",
    data: ranks.map((rank) => ({x: rank, y: rank})),
    borderColor: COLOURS.grey,
    borderDash: [4, 4],
    borderWidth: 1.5,
    pointRadius: 0,
    pointStyle: "line"
  });
  return figures([
    figure({
      title: "Throughput relative to one rank",
      type: "line",
      datasets: relative,
      x: rankAxis(),
      y: axis({title: "times one rank", beginAtZero: true, grace: "5%"}),
      format: formatTimes
    }),
    figure({
      title: "Efficiency",
      type: "line",
      datasets: lines((row) => ({y: row.efficiency})),
      x: rankAxis(),
      y: axis({title: "share of ideal, %", min: 0, suggestedMax: 110}),
      unit: "%",
      legend: true,
      reference: {value: 100, label: "ideal"}
    }),
  ]);
}

const scalingSection = {
  id: "scaling",
  title: "Scaling over ranks",
  build() {
    const entries = listOf("scaling").filter((entry) => asList(entry.rows).length > 0);
    if (entries.length === 0)
      return [missing(
          "Scaling was not measured. ", code("octet scale NETWORK --ranks 1,2"),
          " measures it; more than one rank needs MPI.")];
    const rows = entries.flatMap((entry) => asList(entry.rows).map((row) => withOutcome({
                                                                     ...row,
                                                                     network: entry.network,
                                                                     precision: entry.precision,
                                                                     batch: entry.batch
                                                                   })));
    return [
      paragraph(
          "Several processes (ranks) compute at the same time, each on its own share of the machine. Throughput is all their pictures over the time from the barrier that they start at to the last one's end; with two ranks, twice one rank's is ideal."),
      rows.some((row) => !row.notMeasured && isNumber(rateOf(row))) ?
          scalingFigures(entries) :
          missing("No number of ranks has a figure; the table says why."),
      fold(
          "Table of all ranks", table(SCALING_COLUMNS, rows),
          paragraph(
              "Skew is how far apart the ranks ended. The serial fraction (Karp and Flatt) is the share of the work that behaves as if only one rank could do it; one that grows with the ranks speaks of overhead.")),
    ];
  },
};
