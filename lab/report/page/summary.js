// What the study found, in words that need no knowledge of the field, with the verdict on the figures and the
// most important of them.
function header() {
  const study = asObject(results.study);
  const octet = asObject(results.octet);
  const machine = asObject(results.machine);
  const name = study.name || "Octet study";
  document.title = `${name}: Octet study`;
  const made = [
    octet.version && `Octet ${octet.version}`, octet.revision && `revision ${octet.revision}`
  ].filter(Boolean).join(", ");
  const state = study.status === "complete" ?
      `complete, ${formatAmount(study.records ?? 0, "record")}` :
      study.status ?
      `${study.status}: ${formatCount(study.records)} of ${formatCount(study.planned)} records` :
      "";
  return element(
      "header", {},
      element(
          "p", {class: "overline"},
          study.mode && study.mode !== name ? `Octet study, ${study.mode}` : "Octet study"),
      element("h1", {}, name),
      element("p", {class: "byline"}, machineInOneLine(machine)), element("p", {class: "byline"}, [
        formatDate(study.finished_unix_s), made, state
      ].filter((part) => part && part !== NO_VALUE).join(" · ")));
}

function machineInOneLine(machine) {
  const parts = [
    machine.cpu_model,
    isNumber(machine.cpus) ? `${formatCount(machine.cpus)} CPU${machine.cpus === 1 ? "" : "s"}` : "",
    machine.best_isa ? isaName(machine.best_isa) : "",
    isNumber(machine.memory_bytes) ? `${formatBytes(machine.memory_bytes)} of memory` : "",
    machine.hypervisor ? `virtual machine (${machine.hypervisor})` : ""
  ];
  for (const gpu of asList(machine.gpus)) parts.push(typeof gpu === "string" ? gpu : gpu.name);
  return parts.filter(Boolean).join(" · ") || "The machine was not described.";
}

const octetRates = () =>
    listOf("throughput")
        .filter((row) => isOctet(row) && measured(row) && isNumber(rateOf(row)) && row.verdict !== "INVALID");

/// One a network: INT8 over FP32 at the largest batch that has it.
function int8Speedups() {
  const rows =
      listOf("speedups").filter((row) => row.precision === "int8" && isNumber(asObject(row.ratio).median));
  return networksOf(rows).map(
      (network) => rows.filter((row) => row.network === network).sort(byNumber("batch")).at(-1));
}

/// Of the paired comparisons of INT8 with FP32.
function int8AccuracyChanges() {
  return listOf("accuracy")
      .flatMap(
          (entry) => asList(entry.paired)
                         .filter((pair) => pair.precision === "int8" && isNumber(pair.delta_top1))
                         .map((pair) => ({network: entry.network, images: entry.images, ...pair})));
}

/// Whether a ratio was computed from a figure that is marked.
function isOfSuspects(speedup) {
  return listOf("throughput")
      .some(
          (row) => isOctet(row) && row.network === speedup.network && row.batch === speedup.batch &&
              [speedup.precision, speedup.over].includes(row.precision) && row.verdict === "SUSPECT");
}

function summarySentences() {
  const sentences = [];
  const networks = networksOf(listOf("throughput").concat(listOf("accuracy")));
  if (networks.length > 0) {
    sentences.push(`This study measured how fast this machine recognises what is in a picture, with ${
        formatAmount(networks.length, "neural network")}: ${formatList(networks.map(networkName))}.`);
  }
  const speedups = int8Speedups();
  if (speedups.length > 0) {
    const ratios = speedups.map((row) => row.ratio.median);
    const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
    const howMuch = speedups.length === 1 || formatTimes(low) === formatTimes(high) ?
        `${formatFixed(low, 2)} times` :
        `between ${formatFixed(low, 2)} and ${formatFixed(high, 2)} times`;
    sentences.push(`Computing with 8-bit integers (INT8) instead of 32-bit floating point (FP32) made it ${
        howMuch} as fast.${
        speedups.some(isOfSuspects) ? " Some of the figures behind this are SUSPECT." : ""}`);
  }
  const changes = int8AccuracyChanges();
  if (changes.length > 0) {
    const words = changes.map((change) => {
      const clear = isInterval(change.ci95) && (change.ci95[0] > 0 || change.ci95[1] < 0);
      return `${formatDifference(change.delta_top1)} points on ${networkName(change.network)}${
          clear ? "" : " (not distinguishable from none)"}`;
    });
    sentences.push(`The share of pictures that are recognised correctly changed by ${formatList(words)}.`);
  }
  return sentences;
}

function verdictBanner() {
  const verdict = asObject(results.verdict);
  const counts = asObject(verdict.counts);
  const total = Object.values(counts).filter(isNumber).reduce((sum, count) => sum + count, 0);
  if (total === 0)
    return element(
        "div", {class: "banner none"}, paragraph("Nothing was measured that a verdict could be given on."));
  const sentence = verdict.verdict === "VALID" ?
      "Nothing was seen on the machine that speaks against these figures." :
      "Figures marked SUSPECT were taken while the machine was not quiet or the samples were unsteady; they are kept, and drawn hollow. INVALID figures are kept in the raw data and left out of charts and comparisons.";
  const reasons = asList(verdict.reasons);
  return [
    element(
        "div", {class: `banner ${String(verdict.verdict).toLowerCase()}`},
        element(
            "p", {}, verdictTag(verdict.verdict),
            ` overall: ${
                    ["VALID", "SUSPECT", "INVALID"]
                        .filter((name) => counts[name] > 0)
                        .map((name) => `${formatCount(counts[name])} ${name}`)
                        .join(", ")} of ${formatCount(total)} figures.`),
        paragraph(sentence)),
    reasons.length > 0 ? fold(
                             `Why: ${formatAmount(reasons.length, "reason")}`,
                             table(
                                 [
                                   {head: "reason", text: true, value: (row) => row.code ?? NO_VALUE},
                                   {head: "figures", value: (row) => formatCount(row.count)},
                                   {head: "for example", text: true, value: (row) => row.text ?? NO_VALUE}
                                 ],
                                 reasons)) :
                         null,
  ];
}

function card(name, value, unit, note) {
  return element(
      "div", {class: "card"}, element("div", {class: "name"}, name),
      element("div", {class: "value"}, value, unit ? element("small", {}, ` ${unit}`) : null),
      element("div", {class: "note"}, note));
}

function cards() {
  const made = [];
  const rates = octetRates();
  if (rates.length > 0) {
    const best = rates.reduce((a, b) => rateOf(b) > rateOf(a) ? b : a);
    made.push(card(
        "Highest throughput", formatNumber(rateOf(best)), "images/s",
        `${networkName(best.network)}, ${precisionName(best.precision)}, batch ${formatCount(best.batch)}`));
    const single = rates.filter((row) => row.batch === 1 && isNumber(asObject(row.latency_ms).p50));
    if (single.length > 0) {
      const quick = single.reduce((a, b) => b.latency_ms.p50 < a.latency_ms.p50 ? b : a);
      made.push(card(
          "Shortest time for one picture", formatNumber(quick.latency_ms.p50), "ms",
          `${networkName(quick.network)}, ${precisionName(quick.precision)}, median`));
    }
  }
  const speedups = int8Speedups();
  if (speedups.length > 0) {
    const mean =
        Math.exp(speedups.reduce((sum, row) => sum + Math.log(row.ratio.median), 0) / speedups.length);
    made.push(card(
        "INT8 over FP32", formatTimes(mean), "",
        speedups.length > 1 ?
            `geometric mean of ${formatAmount(speedups.length, "network")}, each at its largest batch` :
            `${networkName(speedups[0].network)}, batch ${formatCount(speedups[0].batch)}`));
  }
  const changes = int8AccuracyChanges();
  if (changes.length > 0) {
    const most = changes.reduce((a, b) => b.images > a.images ? b : a);
    made.push(card(
        "INT8's change of top-1", formatDifference(most.delta_top1), "points",
        `${networkName(most.network)}, ${formatCount(most.images)} pictures; interval ${
            formatInterval(most.ci95, formatDifference)}`));
  }
  const scaled = listOf("scaling").flatMap(
      (entry) => asList(entry.rows)
                     .filter((row) => row.ranks > 1 && isNumber(row.efficiency))
                     .map((row) => ({...row, network: entry.network, precision: entry.precision})));
  if (scaled.length > 0) {
    const widest = scaled.reduce((a, b) => b.ranks > a.ranks ? b : a);
    made.push(card(
        `Efficiency on ${formatCount(widest.ranks)} ranks`, formatFixed(widest.efficiency, 1), "%",
        `${networkName(widest.network)}, ${precisionName(widest.precision)}; 100 % is ${
            formatCount(widest.ranks)} times one rank`));
  }
  const energies = rates.filter((row) => isNumber(bestEnergy(row)?.value));
  if (energies.length > 0) {
    const best = energies.reduce((a, b) => bestEnergy(b).value > bestEnergy(a).value ? b : a);
    made.push(card(
        "Most images per joule", formatNumber(bestEnergy(best).value), "images/J",
        `${networkName(best.network)}, ${precisionName(best.precision)}, ${bestEnergy(best).what}${
            best.energy.modelled ? ", modelled" : ""}`));
  }
  return made.length > 0 ? element("div", {class: "cards"}, made) : null;
}

const GLOSSARY = [
  [
    "Network",
    "A program of many layers of sums, trained beforehand, that says what a picture shows. What is measured is its use, called inference."
  ],
  [
    "Throughput",
    "Pictures per second, over the whole time from the first start to the last end. The median of successive windows of the measurement is shown."
  ],
  [
    "Batch",
    "How many pictures are handed over and computed together. Larger batches use a machine better, and each picture waits longer."
  ],
  [
    "Latency",
    "From the input's bytes in memory to the output's bytes in memory, for one batch. p50 is the median; 99 of 100 are faster than p99."
  ],
  [
    "FP32, BF16, INT8",
    "Numbers of 32 bits, 16 bits and 8 bits. Shorter numbers move and multiply faster, and round more coarsely."
  ],
  [
    "Top-1, top-5",
    "Share of pictures whose right name is the network's first choice, or among its first five."
  ],
  [
    "95 % interval",
    "Drawn as whiskers. Were the measurement repeated many times under the same conditions, 95 of 100 such intervals would hold the true value. Two figures whose intervals overlap much may be equal."
  ],
  [
    "VALID, SUSPECT, INVALID",
    "Whether the machine was quiet, the clock steady and the samples enough while a figure was taken. It says nothing about whether the figure is good."
  ],
  [
    "Record",
    "The raw samples of one unit of work. The last column of a table names the record that a row was computed from, and leads to it where the bundle lies beside this file."
  ],
];

const summarySection = {
  id: "summary",
  title: "Summary",
  build: () =>
      [...summarySentences().map((sentence) => element("p", {class: "lead"}, sentence)),
       verdictBanner(),
       cards(),
       notMeasuredTable(),
       fold(
           "Words used in this report",
           element(
               "dl", {class: "words"},
               GLOSSARY.map(([word, meaning]) => [element("dt", {}, word), element("dd", {}, meaning)]))),
],
};

/// Everything that was planned and has no figure, with its reason.
function notMeasuredTable() {
  const rows = listOf("throughput").map((row) => ({what: throughputKey(row), ...row}));
  for (const entry of listOf("scaling")) {
    for (const row of asList(entry.rows))
      rows.push({what: `scaling/${entry.network}/${entry.precision}/r${row.ranks}`, ...row});
  }
  for (const section of ["ladder", "server", "accuracy", "layers", "calibration", "projected"]) {
    for (const row of listOf(section)) rows.push({what: row.record ?? `${section}/${row.network}`, ...row});
  }
  const without = rows.filter((row) => !measured(row));
  const gone = asList(asObject(results.study).missing);
  return [
    without.length > 0 ?
        fold(
            `${
                capitalise(formatAmount(
                    without.length, "row"))} without a figure: what did not fit, was not run or failed`,
            table(
                [
                  {head: "what", text: true, value: (row) => recordLink(row.record ?? row.what)},
                  {head: "why", text: true, value: outcomeText}
                ],
                without)) :
        null,
    gone.length > 0 ?
        fold(
            `${
                capitalise(
                    formatAmount(gone.length, "record"))} still to be measured when this report was made`,
            missing(
                "The study was stopped before these were measured; running it again goes on where it stopped: ",
                gone.join(", "))) :
        null,
  ];
}
