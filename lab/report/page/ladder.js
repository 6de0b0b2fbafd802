// The same network by instruction set: what each generation of CPU adds.
const ISA_NAMES = {
  generic: "generic",
  avx2: "AVX2",
  avx512: "AVX-512",
  avx512vnni: "AVX-512 VNNI",
  avx512bf16: "AVX-512 BF16",
  amx: "AMX"
};
const isaName = named(ISA_NAMES);

const LADDER_COLUMNS = [
  {head: "network", text: true, value: (row) => networkName(row.network)},
  {head: "precision", text: true, value: (row) => precisionName(row.precision)},
  {head: "batch", value: (row) => formatCount(row.batch)},
  {head: "instruction set", text: true, value: (row) => isaName(row.isa)},
  {head: "images/s, median", measured: true, value: (row) => withInterval(rateOf(row), rateIntervalOf(row))},
  {head: "over generic", measured: true, value: (row) => formatTimes(row.relative)},
  {head: "verdict", text: true, measured: true, value: (row) => verdictTag(row.verdict, row.reasons)},
  RECORD_COLUMN,
];

function ladderFigure(rows, network) {
  const members = rows.filter((row) => row.network === network);
  const isas = inOrder(members.map((row) => row.isa), ISA_NAMES);
  const datasets = precisionsOf(members).map(
      (precision) => barSeries(precisionName(precision), precisionStyle(precision), isas.map((isa) => {
        const row = members.find((candidate) => candidate.precision === precision && candidate.isa === isa);
        return row ? {
          y: rateOf(row),
          interval: rateIntervalOf(row),
          verdict: row.verdict,
          label: `${formatNumber(rateOf(row))}${
              isNumber(row.relative) ? `  (${formatTimes(row.relative)})` : ""}`
        } :
                     null;
      })));
  return figure({
    title: `${networkName(network)}, batch ${
            [...new Set(members.map((row) => formatCount(row.batch)))].join(
                ", ")}: images per second by instruction set`,
    type: "bar",
    sideways: true,
    datasets,
    labels: isas.map(isaName),
    legend: true,
    height: 110 + isas.length * (12 + 20 * datasets.length),
    unit: "images/s",
    y: nameAxis(),
    x: axis({title: "images per second (times generic)", min: 0}),
  });
}

const ladderSection = {
  id: "ladder",
  title: "Instruction sets",
  build() {
    const rows = listOf("ladder");
    if (rows.length === 0)
      return [missing("The instruction sets of this machine were not measured one by one.")];
    const drawn = rows.filter((row) => measured(row) && isNumber(rateOf(row)) && row.verdict !== "INVALID");
    const lacking = asList(asObject(results.machine).isas).filter((isa) => isa.usable === false);
    return [
      paragraph(
          "Octet can be made to use an older instruction set than the machine's best. “Generic” is plain C++ for any CPU of the architecture; each further bar uses wider vectors or instructions made for 8-bit integers."),
      drawn.length > 0 ? figures(networksOf(drawn).map((network) => ladderFigure(drawn, network))) :
                         missing("None has a figure; the table says why."),
      lacking.length > 0 ?
          paragraph(`Not usable on this machine: ${
              lacking.map((isa) => `${isaName(isa.isa)}${isa.reason ? ` (${isa.reason})` : ""}`)
                  .join(", ")}.`) :
                                                                      null,
      fold("Table of instruction sets", table(LADDER_COLUMNS, rows.map(withOutcome))),
    ];
  },
};
