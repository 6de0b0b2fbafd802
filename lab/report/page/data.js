// The results, and the order and names in which the report shows them. Lists that are absent are empty ones:
// a study that was stopped early has a report too.
const results = JSON.parse(document.getElementById("results").textContent) ?? {};
const asList = (value) =>
    Array.isArray(value) ? value.filter((item) => item !== null && item !== undefined) : [];
const asObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
const listOf = (name) => asList(results[name]);

const NETWORK_NAMES = {
  "alexnet": "AlexNet",
  "googlenet": "GoogLeNet",
  "resnet-50": "ResNet-50",
  "resnet-101": "ResNet-101",
  "resnet-152": "ResNet-152",
  "vgg-16": "VGG-16",
  "vgg-19": "VGG-19",
  "squeezenet-1.0": "SqueezeNet 1.0",
  "octet-20": "octet-20",
};
const PRECISION_NAMES = {
  fp32: "FP32",
  bf16: "BF16",
  int8: "INT8",
  mixed: "mixed"
};
const ENGINE_NAMES = {
  octet: "Octet",
  onnxruntime: "ONNX Runtime",
  openvino: "OpenVINO"
};
const DEVICE_NAMES = {
  "tesla-p40": "Tesla P40",
  "tesla-p4": "Tesla P4",
  "p40": "Tesla P40",
  "p4": "Tesla P4"
};

const named = (names) => (name) => Object.hasOwn(names, name) ? names[name] : String(name ?? NO_VALUE);
const networkName = named(NETWORK_NAMES);
const precisionName = named(PRECISION_NAMES);
const deviceName = named(DEVICE_NAMES);
const engineName = named(ENGINE_NAMES);
const engineAndWay = (row) => row.way ? `${engineName(row.engine)} (${row.way})` : engineName(row.engine);

/// Known names first, in their order above; others after them as they come.
function inOrder(values, names) {
  const known = Object.keys(names);
  const place = (value) => known.includes(value) ? known.indexOf(value) : known.length;
  return [...new Set(values)].sort((a, b) => place(a) - place(b));
}
const networksOf = (rows) => inOrder(rows.map((row) => row.network), NETWORK_NAMES);
const precisionsOf = (rows) => inOrder(rows.map((row) => row.precision), PRECISION_NAMES);

/// {key, rows} for every value of key(row), in order of first appearance.
function groups(rows, key) {
  const found = new Map();
  for (const row of rows) {
    const name = key(row);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(row);
  }
  return [...found].map(([name, members]) => ({key: name, rows: members}));
}

const byNumber = (key) => (a, b) => a[key] - b[key];
const valuesOf =
    (rows, key) => [...new Set(rows.map((row) => row[key]))].filter(isNumber).sort((a, b) => a - b);

/// A rate may be a summary of samples or one number.
const rateOf = (row) =>
    isNumber(row.images_per_second) ? row.images_per_second : asObject(row.images_per_second).median;
const rateIntervalOf = (row) => asObject(row.images_per_second).ci95;
const measured = (row) => row.outcome === undefined || row.outcome === "measured";
const isOctet = (row) => row.engine === undefined || row.engine === "octet";
const throughputKey = (row) => `throughput/${row.network}/${row.precision}/b${row.batch}`;

/// Why a row has no figures, in words; empty if it has them.
function outcomeText(row) {
  if (measured(row)) return "";
  if (row.outcome === "does_not_fit") {
    return `does not fit: needs ${formatBytes(row.needed_bytes)}, limit ${formatBytes(row.limit_bytes)}`;
  }
  if (row.outcome === "not_run") {
    return isNumber(row.predicted_s) ? `not run: would take ${formatDuration(row.predicted_s)}` :
                                       `not run: ${row.reason ?? "no reason given"}`;
  }
  if (row.outcome === "failed") return `failed: ${row.error ?? "no reason given"}`;
  return String(row.outcome);
}
const withOutcome = (row) => ({...row, notMeasured: outcomeText(row)});
