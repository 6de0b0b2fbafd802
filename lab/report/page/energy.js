// Images per joule, or for each meter why there are none.

/// What is shown of a row's energy: above idle, as the study has it, if that is known; else gross. Nothing
/// where no meter worked.
function bestEnergy(row) {
  const energy = asObject(row.energy);
  if (isNumber(energy.images_per_joule_above_idle))
    return {
      value: energy.images_per_joule_above_idle,
      uncertainty: energy.above_idle_uncertainty,
      what: "above idle"
    };
  if (isNumber(energy.images_per_joule))
    return {value: energy.images_per_joule, uncertainty: energy.images_per_joule_uncertainty, what: "gross"};
  return null;
}
const plusMinus = (value, uncertainty) => isNumber(value) ?
    `${formatNumber(value)}${isNumber(uncertainty) ? ` ± ${formatNumber(uncertainty, 2)}` : ""}` :
                                                     NO_VALUE;

const ENERGY_COLUMNS = [
  {head: "network", text: true, value: (row) => networkName(row.network)},
  {head: "precision", text: true, value: (row) => precisionName(row.precision)},
  {
    head: "batch or ranks",
    text: true,
    value: (row) => row.ranks ? formatAmount(row.ranks, "rank") : `batch ${formatCount(row.batch)}`
  },
  {head: "W", value: (row) => plusMinus(row.energy.watts, row.energy.watts_uncertainty)},
  {head: "W idle", value: (row) => formatNumber(row.energy.idle_watts)},
  {
    head: "images/J, gross",
    value: (row) => plusMinus(row.energy.images_per_joule, row.energy.images_per_joule_uncertainty)
  },
  {
    head: "images/s/W above idle",
    value: (row) => plusMinus(row.energy.images_per_joule_above_idle, row.energy.above_idle_uncertainty)
  },
  {head: "window covered", value: (row) => formatPercent(row.energy.coverage)},
  {head: "samples/s", value: (row) => formatNumber(row.energy.sampling_hz)},
  {
    head: "meters",
    text: true,
    value: (row) => `${asList(row.energy.meters).map((meter) => meter.id ?? meter).join(", ")}${
        row.energy.modelled ? " (modelled)" : ""}`
  },
  RECORD_COLUMN,
];

const METER_COLUMNS = [
  {head: "meter", text: true, value: (row) => row.kind ?? NO_VALUE},
  {head: "works", text: true, value: (row) => row.works ? "yes" : "no"},
  {
    head: "what it sees, or why it does not work",
    text: true,
    value: (row) => longText(
        row.works ? asList(row.meters).map((meter) => meter.scope ?? meter.id).join("; ") : row.why_not)
  },
  {head: "what would make it work", text: true, value: (row) => row.works ? NO_VALUE : longText(row.remedy)},
];
const longText = (text) => element("div", {class: "wrap"}, text || NO_VALUE);

function energyFigure(rows, network) {
  const members = rows.filter((row) => row.network === network);
  const modelled = members.some((row) => row.energy.modelled);
  const gross = members.some((row) => bestEnergy(row).what === "gross");
  const series = precisionsOf(members).map(
      (precision) => lineSeries(
          `${precisionName(precision)}${modelled ? " (modelled)" : ""}`,
          {...precisionStyle(precision), dash: modelled ? PROJECTED_STYLE.dash : []},
          members.filter((row) => row.precision === precision).map((row) => {
            const {value, uncertainty, what} = bestEnergy(row);
            return {
              x: row.batch,
              y: value,
              interval: isNumber(uncertainty) ? [value - 1.96 * uncertainty, value + 1.96 * uncertainty] :
                                                null,
              verdict: row.verdict,
              note: what
            };
          })));
  return figure({
    title: `${networkName(network)}: images per second and watt, by batch`,
    type: "line",
    datasets: series,
    unit: "images/s/W",
    legend: true,
    x: batchAxis(valuesOf(rows, "batch")),
    y: axis({
      title: gross ? "images/J (above idle, or gross: see table)" : "images/s per watt above idle",
      logarithmic: true
    }),
  });
}

const energySection = {
  id: "energy",
  title: "Energy",
  build() {
    const rows = listOf("throughput").filter((row) => measured(row) && isOctet(row) && bestEnergy(row));
    const ranks = listOf("scaling").flatMap(
        (entry) => asList(entry.rows)
                       .filter((row) => measured(row) && bestEnergy(row))
                       .map((row) => ({...row, network: entry.network, precision: entry.precision})));
    const meters = listOf("meters");
    const meterTable = meters.length > 0 ? table(METER_COLUMNS, meters) : null;
    if (rows.length + ranks.length === 0) {
      return [
        missing(
            meters.some((meter) => meter.works) ?
                "A meter worked, but no figure has a reading over its window." :
                "No meter worked on this machine, so there is no figure of energy. For each kind of meter, this is why, and what would make it work:"),
        meterTable
      ];
    }
    const baseline = asObject(results.idle);
    const idle = asList(baseline.meters)
                     .map((meter) => `${meter.id} ${plusMinus(meter.watts, meter.watts_uncertainty)} W`);
    const modelled = [...rows, ...ranks].some((row) => row.energy.modelled);
    return [
      paragraph(
          "Energy is read over the very window in which the pictures are counted. As in the study, the power of the idle machine is subtracted; the table has both. Whiskers are 1.96 times the stated uncertainty; images per second and watt are the same as images per joule."),
      modelled ? element(
                     "p", {}, element("b", {}, "Figures marked “modelled” are not measured: "),
                     "they come from the powers of the idle and the busy machine that the user stated.") :
                 null,
      idle.length > 0 ?
          paragraph(
              `Idle before the study: ${idle.join(", ")}${
                  isNumber(baseline.seconds) ? `, over ${formatDuration(baseline.seconds)}` : ""}. `,
              verdictTag(baseline.verdict, baseline.reasons)) :
                                               null,
      rows.length > 0 ? figures(networksOf(rows).map((network) => energyFigure(rows, network))) : null,
      fold("Table of energies and meters", table(ENERGY_COLUMNS, [...rows, ...ranks]), meterTable),
    ];
  },
};
