// Top-1 and top-5 with their intervals, INT8's difference from FP32 picture by picture, and the study's table
// 3 beside.
const shareWithInterval = (share, interval) =>
    withInterval(share, interval, (value) => formatFixed(value, 2));
const hasPublished = (row) => publishedShares(row, "fp32") !== NO_VALUE;

const ACCURACY_COLUMNS = [
  {head: "network", text: true, value: (row) => networkName(row.network)},
  {head: "precision", text: true, measured: true, value: (row) => precisionName(row.precision)},
  {head: "pictures", measured: true, value: (row) => formatCount(row.images)},
  {head: "top-1, %", measured: true, value: (row) => shareWithInterval(row.top1, row.top1_ci95)},
  {head: "top-5, %", measured: true, value: (row) => shareWithInterval(row.top5, row.top5_ci95)},
  {
    head: "top-1 less FP32's, points",
    measured: true,
    value: (row) => withInterval(row.delta_top1, row.ci95, formatDifference)
  },
  {head: "p (McNemar)", measured: true, value: (row) => formatNumber(row.mcnemar_p, 2)},
  {head: "same class as FP32", measured: true, value: (row) => formatPercent(row.agreement)},
  {
    published: true,
    head: "published FP32, top-1 / top-5",
    measured: true,
    value: (row) => publishedShares(row, "fp32")
  },
  {
    published: true,
    head: "published, this precision",
    measured: true,
    value: (row) => publishedShares(row, row.precision)
  },
  RECORD_COLUMN,
];

const publishedAccuracy = (network) => publishedOf("accuracy").find((row) => row.network === network);
function publishedShares(row, precision) {
  const shares = asObject(publishedAccuracy(row.network)?.[precision]);
  return isNumber(shares.top1) ? `${formatFixed(shares.top1, 2)} / ${formatFixed(shares.top5, 2)}` : NO_VALUE;
}
const publishedDrop = (row) => row.int8.top1 - row.fp32.top1;

function accuracyRows(entries) {
  return entries.flatMap(
      (entry) => measured(entry) ?
          asList(entry.results)
              .map((row) => ({
                     ...asList(entry.paired).find((pair) => pair.precision === row.precision),
                     ...row,
                     network: entry.network,
                     images: entry.images,
                     record: entry.record,
                   })) :
          [withOutcome(entry)]);
}

function differenceFigure(rows) {
  const changed = rows.filter((row) => isNumber(row.delta_top1));
  const published =
      publishedOf("accuracy").filter((row) => isNumber(row.int8?.top1) && isNumber(row.fp32?.top1));
  if (changed.length === 0) return null;
  const labels = [
    ...changed.map((row) => `${networkName(row.network)}, ${precisionName(row.precision)}`),
    ...published.map((row) => `${networkName(row.network)}, INT8`)
  ];
  const points = (values, style, label, intervals) => ({
    label,
    data: values,
    intervals,
    showLine: false,
    borderColor: style.colour,
    backgroundColor: style.colour,
    pointStyle: style.shape,
    pointRadius: 5,
    pointBorderColor: style.colour,
    borderWidth: 2,
  });
  return figure({
    title: "Top-1 less FP32's, in points (left of 0: fewer pictures recognised)",
    type: "line",
    sideways: true,
    labels,
    height: 110 + 26 * labels.length,
    legend: true,
    format: formatDifference,
    unit: "points",
    reference: {value: 0},
    datasets: [
      points(
          [...changed.map((row) => row.delta_top1), ...published.map(() => null)], precisionStyle("int8"),
          "this machine, with 95 % interval", changed.map((row) => row.ci95)),
      points(
          [...changed.map(() => null), ...published.map(publishedDrop)], PUBLISHED_STYLE,
          "published (table 3: ILSVRC2012, 48,750 pictures)")
    ],
    y: nameAxis({offset: true}),
    x: axis({title: "points of top-1", suggestedMin: -0.5, suggestedMax: 0.5}),
  });
}

const accuracySection = {
  id: "accuracy",
  title: "Accuracy",
  build() {
    const entries = listOf("accuracy");
    const published = publishedOf("accuracy");
    const publishedTable = published.length > 0 ?
        fold(
            "The study's table 3: top-1 / top-5 on ILSVRC2012, %",
            table(
                [
                  {head: "network", text: true, value: (row) => networkName(row.network)},
                  {head: "FP32", value: (row) => publishedShares(row, "fp32")},
                  {head: "INT8", value: (row) => publishedShares(row, "int8")},
                  {head: "top-1, INT8 less FP32", value: (row) => formatDifference(publishedDrop(row))}
                ],
                published)) :
        null;
    if (entries.length === 0)
      return [
        missing(
            "Accuracy was not measured. ", code("octet accuracy NETWORK --images FOLDER --labels FILE"),
            " measures it."),
        publishedTable
      ];
    const rows = accuracyRows(entries);
    return [
      paragraph(
          "How many pictures each precision recognises. The same pictures are given to both, so the difference is known better than either share: it comes only from pictures on which they disagree. Small figures are 95 % intervals; one that holds 0 means that no difference can be seen with this many pictures."),
      ...entries.filter(measured).map(
          (entry) => element(
              "p", {class: "byline"},
              `${networkName(entry.network)}: ${
                      [entry.data, entry.protocol && `protocol ${entry.protocol}`,
                       entry.calibration && `calibration: ${plainText(entry.calibration)}`]
                          .filter(Boolean)
                          .join("; ")}.`)),
      table(ACCURACY_COLUMNS.filter((column) => !column.published || rows.some(hasPublished)), rows),
      figures([differenceFigure(rows)].filter(Boolean)),
      publishedTable,
    ];
  },
};

/// A text, or an object's values in words.
function plainText(value) {
  if (value === null || typeof value !== "object") return String(value);
  return Object.entries(value)
      .filter(([, part]) => part === null || typeof part !== "object")
      .map(([key, part]) => `${key.replaceAll("_", " ")} ${part}`)
      .join(", ");
}
