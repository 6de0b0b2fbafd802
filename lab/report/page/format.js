// Values as people read them. Numbers have three significant digits and thousands separated; units stand in
// the heads of columns and on axes, or after the number.
const NO_VALUE = "–";

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

function formatNumber(value, digits = 3) {
  if (!isNumber(value)) return NO_VALUE;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e10))
    return value.toExponential(digits - 1).replace("-", "−").replace("e+", "e");
  const before = size === 0 ? digits : Math.floor(Math.log10(size)) + 1;  // digits before the point
  return formatFixed(value, Math.max(digits - before, 0));
}

function formatFixed(value, decimals) {
  if (!isNumber(value)) return NO_VALUE;
  const text =
      value.toLocaleString("en-US", {minimumFractionDigits: decimals, maximumFractionDigits: decimals});
  return text.replace(/^-/, "−");  // the minus sign, as wide as a plus
}

const formatCount = (value) => formatFixed(value, 0);
const formatPercent = (value, decimals = 1) =>
    isNumber(value) ? `${formatFixed(value, decimals)} %` : NO_VALUE;
const formatTimes = (value) => isNumber(value) ? `${formatFixed(value, 2)} ×` : NO_VALUE;

/// With its sign: +0.40, −0.80.
function formatDifference(value, decimals = 2) {
  return isNumber(value) && value > 0 ? `+${formatFixed(value, decimals)}` : formatFixed(value, decimals);
}

const isInterval = (interval) => Array.isArray(interval) && interval.length === 2 && interval.every(isNumber);

function formatInterval(interval, format = formatNumber) {
  return isInterval(interval) ? `${format(interval[0])} to ${format(interval[1])}` : NO_VALUE;
}

function formatBytes(value) {
  if (!isNumber(value)) return NO_VALUE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; value >= 1024 && unit + 1 < units.length; ++unit) value /= 1024;
  return `${formatNumber(value)} ${units[unit]}`;
}

function formatDuration(seconds) {
  if (!isNumber(seconds)) return NO_VALUE;
  if (seconds < 120) return `${formatNumber(seconds)} s`;
  if (seconds < 7200) return `${formatNumber(seconds / 60)} min`;
  return `${formatNumber(seconds / 3600)} h`;
}

function formatDate(unixSeconds) {
  if (!isNumber(unixSeconds) || Math.abs(unixSeconds) > 8e12) return NO_VALUE;
  return `${new Date(unixSeconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/// "one figure", "three figures", "17 figures".
function formatAmount(count, singular, plural = `${singular}s`) {
  const words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
  return `${words[count] ?? formatCount(count)} ${count === 1 ? singular : plural}`;
}

function formatList(words) {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

const capitalise = (text) => text.charAt(0).toUpperCase() + text.slice(1);
