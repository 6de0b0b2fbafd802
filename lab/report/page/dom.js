// Elements of the page. Text comes in only as text nodes, so that what the results hold is shown and never
// interpreted.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== "") made.setAttribute(name, String(value));
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

/// A figure with its interval in small beneath.
function withInterval(value, interval, format = formatNumber) {
  if (!isNumber(value)) return NO_VALUE;
  return isInterval(interval) ?
      [format(value), element("span", {class: "interval"}, formatInterval(interval, format))] :
      format(value);
}

const paragraph = (...children) => element("p", {}, ...children);
const missing = (...children) => element("p", {class: "missing"}, ...children);
const code = (text) => element("code", {}, text);

/// Key of the record from which a row was derived, as a link to its file in the bundle.
function recordLink(key) {
  if (typeof key !== "string" || key === "") return NO_VALUE;
  if (!/^[-A-Za-z0-9._/]+$/.test(key)) return element("span", {class: "record"}, key);
  return element("a", {class: "record", href: `records/${key.replaceAll("/", "~")}.json`}, key);
}

const VERDICT_MARKS = {
  VALID: "✓",
  SUSPECT: "!",
  INVALID: "✗"
};

function verdictTag(verdict, reasons) {
  if (!(verdict in VERDICT_MARKS)) return NO_VALUE;
  const codes = asList(reasons).map((reason) => reason.code).filter(Boolean);
  const texts = asList(reasons).map((reason) => reason.text).filter(Boolean);
  return element(
      "span", {class: `verdict ${verdict.toLowerCase()}`, title: texts.join("\n")},
      element("b", {}, `${VERDICT_MARKS[verdict]} ${verdict}`),
      codes.length > 0 ? ` ${codes.join(", ")}` : "");
}

/// The record's key stands last in tables whose rows have one.
const RECORD_COLUMN = {
  head: "record",
  text: true,
  value: (row) => recordLink(row.record)
};

/// columns: {head, value(row) -> text or node, text: left-aligned words instead of numbers}. A row that has
/// `notMeasured` (a sentence) shows that instead of the columns that are `measured`.
function table(columns, rows) {
  const align = (column) => column.text ? {class: "text"} : {};
  const head = element(
      "tr", {}, columns.map((column) => element("th", {...align(column), scope: "col"}, column.head)));
  const body = rows.map((row) => {
    if (!row.notMeasured)
      return element("tr", {}, columns.map((column) => element("td", align(column), column.value(row))));
    const measured = columns.filter((column) => column.measured).length;
    const cells = [];
    for (const column of columns) {
      if (!column.measured)
        cells.push(element("td", align(column), column.value(row)));
      else if (column === columns.find((other) => other.measured)) {
        cells.push(element("td", {class: "text not-measured", colspan: measured}, row.notMeasured));
      }
    }
    return element("tr", {class: "not-measured"}, cells);
  });
  return element(
      "div", {class: "table"}, element("table", {}, element("thead", {}, head), element("tbody", {}, body)));
}

/// Folded away on the screen, open in print.
function fold(title, ...children) {
  return element("details", {}, element("summary", {}, title), ...children);
}

/// Two columns: what, and its value.
function facts(entries) {
  const shown = entries.filter(
      ([, value]) => value !== undefined && value !== null && value !== "" && value !== NO_VALUE);
  return element(
      "dl", {class: "facts"},
      shown.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}
