// The study's figures beside ours. Devices differ by orders of magnitude, so each is drawn relative to itself
// or, where the study did so, to one P40: what is compared is the shape.
const publishedStyle = (device) => device === "tesla-p4" ?
    {...PUBLISHED_STYLE, colour: COLOURS.vermillion, shape: "triangle"} :
    PUBLISHED_STYLE;
const pairs = (xs, ys) => asList(xs).map((x, index) => ({x, y: asList(ys)[index]}));

/// Values divided by the one at x = base, if there is one.
function relativeTo(points, base) {
  const whole = points.find((point) => point.x === base)?.y;
  if (!isNumber(whole) || whole <= 0) return [];
  return points.map((point) => ({
                      ...point,
                      y: point.y / whole,
                      interval: isInterval(point.interval) ? point.interval.map((end) => end / whole) : null
                    }));
}

/// The largest batch up to 128 (the study's) that all of the series have; nothing if there is none.
function commonBatch(series) {
  return asList(series[0])
      .map((point) => point.x)
      .filter(
          (x) => x <= 128 &&
              series.every((points) => points.some((point) => point.x === x && isNumber(point.y))))
      .sort((a, b) => a - b)
      .at(-1);
}

const ourInt8 = (network) => listOf("throughput")
                                 .filter(
                                     (row) => isOctet(row) && measured(row) && row.network === network &&
                                         row.precision === "int8" && row.verdict !== "INVALID");

function batchFigure(published) {
  const theirs = pairs(published.batches, published.images_per_second);
  const ours = ourInt8(published.network)
                   .map((row) => ({...asPoint(row), note: `${formatNumber(rateOf(row))} images/s`}));
  const base = commonBatch([ours, theirs]);
  if (ours.length < 2 || base === undefined) return null;
  const name = deviceName(published.device);
  return figure({
    title: `${networkName(published.network)}, INT8: images per second by batch, relative to batch ${base}`,
    type: "line",
    datasets: [
      lineSeries("this machine", precisionStyle("int8"), relativeTo(ours, base)),
      lineSeries(
          `${name}, published`, publishedStyle(published.device),
          relativeTo(theirs.map((point) => ({...point, note: `${formatNumber(point.y)} images/s`})), base))
    ],
    x: batchAxis([...new Set([...ours, ...theirs].map((point) => point.x))].sort((a, b) => a - b)),
    y: axis({title: `times batch ${base}`, logarithmic: true}),
    format: formatTimes,
  });
}

/// Figures 1 and 2: by number of devices, relative to one P40; ours relative to one rank.
function devicesFigure(network) {
  const theirs = publishedOf("relative").filter((row) => row.network === network);
  const ours = listOf("scaling")
                   .filter((entry) => entry.network === network && entry.precision === "int8")
                   .flatMap((entry) => {
                     const rows =
                         asList(entry.rows).filter((row) => measured(row) && row.verdict !== "INVALID");
                     return relativeTo(
                         rows.map((row) => ({
                                    x: row.ranks,
                                    y: rateOf(row),
                                    verdict: row.verdict,
                                    note: `${formatNumber(rateOf(row))} images/s`
                                  })),
                         1);
                   });
  if (theirs.length === 0 || ours.length === 0) return null;
  const counts = theirs.flatMap((row) => asList(row.devices));
  return figure({
    title: `${networkName(network)}, INT8: images per second by number of devices, as the study's figure ${
        theirs[0].figure}`,
    type: "line",
    datasets: [
      lineSeries("this machine, relative to one rank", precisionStyle("int8"), ours),
      ...theirs.map(
          (row) => lineSeries(
              `${deviceName(row.device)}, relative to one P40, published`, publishedStyle(row.device),
              pairs(row.devices, row.images_per_second)))
    ],
    x: axis({
      title: "devices, or ranks here",
      at: [...new Set([...counts, ...ours.map((point) => point.x)])].sort((a, b) => a - b)
    }),
    y: axis({title: "relative images per second", beginAtZero: true, grace: "5%"}),
    format: formatTimes,
  });
}

/// Figure 3: images/s/W by batch relative to one P40 at batch 1; ours relative to our smallest batch.
function efficiencyFigure() {
  const theirs = publishedOf("efficiency_by_batch").filter((row) => row.network === "alexnet");
  const ours = ourInt8("alexnet")
                   .filter((row) => bestEnergy(row))
                   .map((row) => ({x: row.batch, y: bestEnergy(row).value, verdict: row.verdict}));
  const relative = relativeTo(ours, 1);
  if (theirs.length === 0 || relative.length === 0) return null;
  return figure({
    title: "AlexNet, INT8: images per second and watt by batch, as the study's figure 3",
    type: "line",
    datasets: [
      lineSeries("this machine, relative to batch 1", precisionStyle("int8"), relative),
      ...theirs.map(
          (row) => lineSeries(
              `${deviceName(row.device)}, relative to one P40 at batch 1, published`,
              publishedStyle(row.device), pairs(row.batches, row.relative)))
    ],
    x: batchAxis(
        [...new Set([...ours.map((point) => point.x), ...asList(theirs[0].batches)])].sort((a, b) => a - b)),
    y: axis({title: "relative images/s/W", logarithmic: true}),
    format: formatTimes,
  });
}

/// The gain of INT8 by batch on the Titan X Pascal beside ours.
function titanFigure(network) {
  const theirs = titanXRatios(network).map((point) => ({x: point.batch, y: point.ratio}));
  const ours =
      listOf("speedups")
          .filter((row) => row.network === network && row.precision === "int8")
          .map((row) => ({x: row.batch, y: asObject(row.ratio).median, interval: asObject(row.ratio).ci95}));
  if (theirs.length === 0 || ours.length < 2) return null;
  return figure({
    title: `${networkName(network)}: INT8 over FP32 by batch`,
    type: "line",
    datasets: [
      lineSeries("this machine", precisionStyle("int8"), ours),
      lineSeries("Titan X Pascal, published", PUBLISHED_STYLE, theirs)
    ],
    x: batchAxis([...new Set([...ours, ...theirs].map((point) => point.x))].sort((a, b) => a - b)),
    y: axis({title: "times FP32", beginAtZero: true}),
    format: formatTimes,
    reference: {value: 1},
  });
}

function publishedTables() {
  const text = (key, name = String) => ({text: true, value: (row) => name(row[key] ?? NO_VALUE)});
  const list = (key) =>
      ({text: true, value: (row) => asList(row[key]).map((value) => formatNumber(value)).join("  ")});
  const whole = (key) => ({text: true, value: (row) => asList(row[key]).map(formatCount).join("  ")});
  const tables = [
    [
      "Images per second by batch (March 2017)", "throughput",
      [
        {head: "network", ...text("network", networkName)}, {head: "device", ...text("device", deviceName)},
        {head: "precision", ...text("precision", precisionName)}, {head: "batches", ...whole("batches")},
        {head: "images/s", ...whole("images_per_second")}
      ]
    ],
    [
      "By number of devices, relative to one P40 at batch 128, INT8 (July 2017, figures 1 and 2)", "relative",
      [
        {head: "network", ...text("network", networkName)}, {head: "device", ...text("device", deviceName)},
        {head: "devices", ...whole("devices")}, {head: "images/s", ...list("images_per_second")},
        {head: "images/s/W", ...list("images_per_second_per_watt")}
      ]
    ],
    [
      "Images/s/W by batch, relative to one P40 at batch 1, INT8 (July 2017, figure 3)",
      "efficiency_by_batch",
      [
        {head: "network", ...text("network", networkName)}, {head: "device", ...text("device", deviceName)},
        {head: "batches", ...whole("batches")}, {head: "relative images/s/W", ...list("relative")}
      ]
    ],
    [
      "Titan X Pascal, images per second (S7310)", "titan_x",
      [
        {head: "network", ...text("network", networkName)}, {head: "batches", ...whole("batches")},
        {head: "INT8", ...whole("int8")}, {head: "FP32", ...whole("fp32")}
      ]
    ],
  ];
  return tables.filter(([, name]) => publishedOf(name).length > 0)
      .flatMap(([title, name, columns]) => [element("h4", {}, title), table(columns, publishedOf(name))]);
}

const publishedSection = {
  id: "published",
  title: "Beside the published study",
  build() {
    const tables = publishedTables();
    if (tables.length === 0) return [missing("The results hold no published figures.")];
    const networks =
        networksOf([...publishedOf("throughput"), ...publishedOf("relative"), ...publishedOf("titan_x")]);
    const made = [
      ...publishedOf("throughput").filter((row) => row.precision === "int8").map(batchFigure),
      ...networks.map(devicesFigure),
      efficiencyFigure(),
      ...networks.map(titanFigure),
    ].filter(Boolean);
    return [
      paragraph(
          "In 2017 the Dell EMC HPC Innovation Lab measured Tesla P40 and P4 accelerators with TensorRT, and NVIDIA a Titan X Pascal. Their figures stand beside this machine's, each relative to itself or, as in the study's own figures, to one P40: what can be compared is how throughput grows, not how high it is. Dashed is published, not measured here."),
      made.length > 0 ?
          figures(made) :
          missing(
              "No network was measured here in a way that a published figure can be drawn beside (AlexNet or GoogLeNet in INT8, over several batches or ranks)."),
      fold("Tables of the published figures", tables),
    ];
  },
};
