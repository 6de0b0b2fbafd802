// The server scenario: requests come at random times; the highest rate at which 99 of 100 are answered in
// time.
const SERVER_COLUMNS = [
  {head: "network", text: true, value: (row) => networkName(row.network)},
  {head: "precision", text: true, value: (row) => precisionName(row.precision)},
  {head: "requests/s", measured: true, value: (row) => formatNumber(row.qps)},
  {head: "latency p50, ms", measured: true, value: (row) => formatNumber(row.p50_ms)},
  {head: "p99, ms", measured: true, value: (row) => formatNumber(row.p99_ms)},
  {head: "bound, ms", measured: true, value: (row) => formatNumber(row.bound)},
  {
    head: "in time",
    text: true,
    measured: true,
    value: (row) => row.kept === true ? "yes" :
        row.kept === false            ? "no" :
                                        NO_VALUE
  },
  {head: "requests", measured: true, value: (row) => formatCount(row.requests)},
  {head: "verdict", text: true, measured: true, value: (row) => verdictTag(row.verdict, row.reasons)},
  RECORD_COLUMN,
];

function serverFigure(row) {
  const trials = asList(row.trials).filter((trial) => trial.verdict !== "INVALID");
  const series = (key, label, style) =>
      lineSeries(label, style, trials.map((trial) => ({
                                            x: trial.qps,
                                            y: trial[key],
                                            verdict: trial.verdict,
                                            note: trial.kept ? "in time" : "too late"
                                          })));
  return figure({
    title: `${networkName(row.network)}, ${precisionName(row.precision)}: latency by rate of requests`,
    type: "line",
    unit: "ms",
    format: formatNumber,
    datasets: [
      series("p99_ms", "p99", {colour: COLOURS.blue, shape: "circle"}),
      series("p50_ms", "p50", {colour: COLOURS.green, shape: "triangle"})
    ],
    x: axis({title: "requests per second"}),
    y: axis({title: "ms", logarithmic: true}),
    reference: {value: row.p99_ms, label: `bound, ${formatNumber(row.p99_ms)} ms`},
    note: isNumber(row.highest_qps) && row.highest_qps > 0 ?
        `Highest rate in time: ${formatNumber(row.highest_qps)} requests/s.` :
        "No rate that was tried was answered in time.",
  });
}

const serverSection = {
  id: "server",
  title: "Answering requests in time",
  build() {
    const rows = listOf("server");
    if (rows.length === 0)
      return [missing(
          "The server scenario was not measured. ",
          code("octet bench NETWORK --scenario server --qps Q --p99 MS"), " measures it.")];
    const drawn = rows.filter((row) => measured(row) && asList(row.trials).length > 0);
    const all = rows.flatMap(
        (row) => asList(row.trials).length > 0 ?
            [...row.trials].sort(byNumber("qps")).map((trial) => ({
                                                        ...trial,
                                                        network: row.network,
                                                        precision: row.precision,
                                                        bound: row.p99_ms,
                                                        record: row.record
                                                      })) :
            [withOutcome(row)]);
    return [
      paragraph(
          "Requests for one picture each arrive at random, as visitors of a site do (a Poisson process). A request's latency counts from its arrival, so waiting is in it. The highest rate is looked for at which 99 of 100 are answered within the bound."),
      drawn.length > 0 ? figures(drawn.map(serverFigure)) : missing("None has a figure; the table says why."),
      fold("Table of all rates that were tried", table(SERVER_COLUMNS, all)),
    ];
  },
};
