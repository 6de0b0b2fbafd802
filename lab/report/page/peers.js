// Octet against other engines on the same machine, taking turns with it.
const PEER_COLUMNS = [
  {head: "network", text: true, value: (row) => networkName(row.network)},
  {head: "precision", text: true, value: (row) => precisionName(row.precision)},
  {head: "batch", value: (row) => formatCount(row.batch)},
  {head: "peer", text: true, value: engineAndWay},
  {head: "version", text: true, value: (row) => row.version || NO_VALUE},
  {head: "Octet's over peer's images/s", value: ratioWithInterval},
  {head: "rounds", value: (row) => formatCount(row.rounds)},
  {head: "says", text: true, value: (row) => comparisonWord(asObject(row.ratio).ci95)},
  {head: "record", text: true, value: (row) => recordLink(throughputKey(row))},
];

function comparisonWord(interval) {
  if (!isInterval(interval)) return NO_VALUE;
  if (interval[0] > 1) return "Octet is faster";
  if (interval[1] < 1) return "the peer is faster";
  return "no clear difference";
}

function peersFigure(rows) {
  const kinds = [...new Set(rows.map(engineAndWay))];
  const cases = [...new Set(rows.map((row) => JSON.stringify([row.network, row.precision, row.batch])))].map(
      (text) => JSON.parse(text));
  const nameOf =
      ([network, precision,
        batch]) => [networkName(network), `${precisionName(precision)}, batch ${formatCount(batch)}`];
  const datasets = kinds.map((kind, index) => {
    const found = cases.map(
        ([network, precision, batch]) => rows.find(
            (row) => engineAndWay(row) === kind && row.network === network && row.precision === precision &&
                row.batch === batch));
    const style = seriesStyle(index + 1);
    return {
      type: "bar",
      label: `over ${kind}`,
      data: found.map((row) => row ? [1, asObject(row.ratio).median] : null),
      intervals: found.map((row) => row?.ratio?.ci95),
      borderSkipped: false,
      backgroundColor: index === 0 ? style.colour :
                                     patternFill(style.colour, index === 1 ? "diagonal" : "dots"),
      borderColor: style.colour,
      borderWidth: 1,
      maxBarThickness: 16,
      pointStyle: "rect",
      minBarLength: 2,
    };
  });
  return figure({
    title: "Octet's images per second over the peer's",
    type: "bar",
    sideways: true,
    datasets,
    labels: cases.map(nameOf),
    legend: true,
    height: 110 + cases.length * Math.max(14 + 17 * kinds.length, 38),
    reference: {value: 1},
    tooltipTitle: (items) => cases[items[0]?.dataIndex] ? nameOf(cases[items[0].dataIndex]).join(", ") : "",
    y: nameAxis(),
    x: axis({title: "ratio (right of 1: Octet is faster)", logarithmic: true}),
    tooltip: (context) => `${context.dataset.label}: ${formatTimes(context.raw[1])} (${
        formatInterval(context.dataset.intervals[context.dataIndex], (value) => formatFixed(value, 2))})`,
  });
}

const peersSection = {
  id: "peers",
  title: "Beside other engines",
  build() {
    const rows =
        listOf("comparisons").filter((row) => isNumber(asObject(row.ratio).median) && row.ratio.median > 0);
    const failed = listOf("throughput").filter((row) => !isOctet(row) && !measured(row)).map(withOutcome);
    const failures = failed.length > 0 ?
        table(
            [
              {head: "engine", text: true, value: engineAndWay},
              {head: "what", text: true, value: (row) => throughputKey(row)},
              {head: "why", text: true, value: (row) => longText(row.notMeasured)}
            ],
            failed) :
        null;
    if (rows.length === 0) {
      return [
        missing(
            "No other engine was measured beside Octet. ",
            code("octet study --engines octet,onnxruntime,openvino"),
            " does so where their Python packages are installed (", code("scripts/study"),
            " with the same option sets them up)."),
        failures
      ];
    }
    return [
      paragraph(
          "Other engines computed the same networks with the same number of threads, in turns with Octet, so that whatever the machine did met all of them. Each round gives a ratio; the bar ends at their median."),
      paragraph(
          "Their FP32 outputs were compared with Octet's before anything was timed. In INT8 each engine computes with scales of its own: Octet's, and those of ONNX Runtime's quantizer for the others.",
          rows.some((row) => row.way === "streams") ?
              " OpenVINO ran in two ways at batch 1: one image at a time by all threads (latency), and one image on each thread (streams), which answers each later but may compute more." :
              ""),
      figures(peersFigure(rows)),
      fold("Table of comparisons", table(PEER_COLUMNS, rows)),
      failures,
    ];
  },
};
