// The machine, the build and the options, and how to check all of it.
const ISA_COLUMNS = [
  {head: "instruction set", text: true, value: (row) => isaName(row.isa)},
  {head: "usable", text: true, value: (row) => row.usable ? "yes" : "no"},
  {head: "reason", text: true, value: (row) => longText(row.reason)},
];
const PEAK_COLUMNS = [
  {head: "instruction set", text: true, value: (row) => isaName(row.isa)},
  {head: "threads", value: (row) => formatCount(row.threads)},
  {head: "FP32, GFLOP/s", value: (row) => formatNumber(row.fp32_gflops || undefined)},
  {head: "BF16, GFLOP/s", value: (row) => formatNumber(row.bf16_gflops || undefined)},
  {head: "INT8, GOP/s", value: (row) => formatNumber(row.int8_gops || undefined)},
  {head: "memory, GB/s", value: (row) => formatNumber(row.memory_read_gbps)},
  {head: "L2, GB/s", value: (row) => formatNumber(row.l2_read_gbps)},
];

function machineFacts(machine) {
  return facts([
    ["CPU", machine.cpu_model],
    [
      "CPUs, cores, sockets, NUMA nodes",
      [machine.cpus, machine.cores, machine.sockets, machine.numa_nodes]
          .map((count) => count ?? NO_VALUE)
          .join(", ")
    ],
    ["L1 data, L2, L3", [machine.l1d_bytes, machine.l2_bytes, machine.l3_bytes].map(formatBytes).join(", ")],
    ["Memory", formatBytes(machine.memory_bytes)],
    [
      "CPU quota of the cgroup",
      isNumber(machine.cgroup_cpu_quota) ? `${formatNumber(machine.cgroup_cpu_quota)} CPUs` : ""
    ],
    ["Frequency governor", machine.frequency_governor],
    ["Hypervisor", machine.hypervisor],
    ["GPUs", asList(machine.gpus).map((gpu) => gpu.name ?? gpu).join(", ")],
    ["Operating system", machine.os],
    ["Kernel", machine.kernel],
    ["Host (hash of its name)", machine.hostname_hash],
  ]);
}

function buildFacts(octet) {
  return facts([
    ["Version", octet.version], ["Revision", octet.revision], ["Compiler", octet.compiler],
    ["Build type", octet.build_type], ["Flags", octet.flags && code(octet.flags)]
  ]);
}

const appendixSection = {
  id: "appendix",
  title: "Machine, build and options",
  build() {
    const machine = asObject(results.machine);
    const study = asObject(results.study);
    const peaks = listOf("peaks");
    const isas = asList(machine.isas);
    const sources = publishedOf("sources");
    return [
      results.machine ? machineFacts(machine) :
                        missing("The machine was not described: its record is missing."),
      asList(machine.cpu_flags).length > 0 ?
          fold("CPU flags", element("p", {class: "flags"}, machine.cpu_flags.join(" "))) :
          null,
      isas.length > 0 ? table(ISA_COLUMNS, isas) : null,
      peaks.length > 0 ?
          [
            element("h3", {}, "Measured peaks"),
            paragraph(
                "What this machine reached with loops that do nothing but multiply, or read. Shares of the peak in this report are of these. ",
                recordLink("machine")),
            table(PEAK_COLUMNS, peaks)
          ] :
          null,
      element("h3", {}, "Build"),
      buildFacts(asObject(results.octet)),
      element("h3", {}, "Study"),
      facts([
        ["Name", study.name], ["Mode", study.mode], ["Started", formatDate(study.started_unix_s)],
        ["Finished", formatDate(study.finished_unix_s)],
        [
          "Records",
          isNumber(study.records) ? `${formatCount(study.records)} of ${formatCount(study.planned)} planned` :
                                    ""
        ],
        ["Schema of the results", results.schema]
      ]),
      asList(study.options).length > 0 ?
          fold(
              "Options, as study.toml has them",
              table(
                  [
                    {head: "key", text: true, value: (row) => code(row.key ?? NO_VALUE)}, {
                      head: "value",
                      text: true,
                      value: (row) =>
                          longText(typeof row.value === "string" ? row.value : JSON.stringify(row.value))
                    }
                  ],
                  study.options)) :
          null,
      sources.length > 0 ?
          [
            element("h3", {}, "Sources of the published figures"),
            element(
                "ul", {},
                sources.map(
                    (source) => element(
                        "li", {},
                        typeof source === "string" ?
                            source :
                            [source.by, source.title && `“${source.title}”`, source.year]
                                .filter(Boolean)
                                .join(", "))))
          ] :
          null,
    ].flat();
  },
};

const verifySection = {
  id: "verify",
  title: "How to check this report",
  build: () =>
      [paragraph(
           "Every number here is a value of ", code("results.json"),
           ", which lies beside this file and inside it. Those values are computed from the raw samples in ",
           code("records/"), "; a table's last column names the record. The tables are also in ",
           code("csv/"), "."),
       paragraph(
           code("octet verify DIR"),
           " recomputes the hash of every file of the bundle and every derived number from the raw samples; a single changed byte makes it fail. ",
           code("octet compare DIR OTHER"), " puts two bundles side by side, and ", code("octet replay DIR"),
           " runs the same study again."),
],
};
