// Charts: one look for all of them. Colours are Okabe and Ito's, which colour-blind readers tell apart; what colour says, shape or
// pattern says too. Filled points are VALID, hollow ones SUSPECT; INVALID figures stand in the tables only. Whiskers are 95 %
// intervals. Nothing moves.
const COLOURS = {
  blue: "#0072b2", orange: "#e69f00", green: "#009e73", vermillion: "#d55e00", purple: "#cc79a7", sky: "#56b4e9", black: "#222222", grey: "#767676",
};
const SHAPES = ["circle", "rect", "triangle", "rectRot", "star", "crossRot", "rectRounded", "cross"];
const SERIES_COLOURS = ["blue", "vermillion", "green", "purple", "orange", "sky", "black", "grey"].map((name) => COLOURS[name]);
const PRECISION_STYLES = {
  fp32: {colour: COLOURS.orange, shape: "rect"}, bf16: {colour: COLOURS.green, shape: "triangle"},
  int8: {colour: COLOURS.blue, shape: "circle"}, mixed: {colour: COLOURS.purple, shape: "rectRot"},
};
const PUBLISHED_STYLE = {colour: COLOURS.grey, shape: "rect", dash: [6, 4], pattern: "diagonal"};
const PROJECTED_STYLE = {colour: COLOURS.vermillion, shape: "triangle", dash: [2, 3], pattern: "dots"};
const precisionStyle = (precision) => Object.hasOwn(PRECISION_STYLES, precision) ? PRECISION_STYLES[precision] : {colour: COLOURS.black, shape: "star"};
const seriesStyle = (index) => ({colour: SERIES_COLOURS[index % SERIES_COLOURS.length], shape: SHAPES[index % SHAPES.length]});

const TEXT_COLOUR = "#333333";
const GRID_COLOUR = "#e4e4e4";
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', sans-serif";

Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.devicePixelRatio = Math.max(2, window.devicePixelRatio || 1);  // sharp in print
Chart.defaults.font.family = FONT;
Chart.defaults.font.size = 12;
Chart.defaults.color = TEXT_COLOUR;
Chart.defaults.plugins.legend.position = "bottom";
Chart.defaults.plugins.legend.labels.usePointStyle = true;
Chart.defaults.plugins.legend.labels.boxHeight = 7;
Chart.defaults.plugins.tooltip.boxPadding = 4;
Chart.defaults.plugins.tooltip.usePointStyle = true;

/// A fill that says by its pattern, not only by its colour, that these figures are not measured here.
function patternFill(colour, kind) {
  const tile = element("canvas", {width: 8, height: 8});
  const pen = tile.getContext("2d");
  pen.fillStyle = `${colour}30`;
  pen.fillRect(0, 0, 8, 8);
  pen.fillStyle = pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  if (kind === "dots") {
    pen.fillRect(1, 1, 2, 2);
    pen.fillRect(5, 5, 2, 2);
  } else {
    for (const offset of [-8, 0, 8]) {
      pen.beginPath();
      pen.moveTo(offset - 1, 9);
      pen.lineTo(offset + 9, -1);
      pen.stroke();
    }
  }
  return pen.createPattern(tile, "repeat");
}

/// Whiskers over points and bars: dataset.intervals has [low, high] or nothing for each.
const whiskers = {
  id: "whiskers",
  afterDatasetsDraw(chart) {
    const pen = chart.ctx;
    pen.save();
    pen.beginPath();
    pen.rect(chart.chartArea.left, chart.chartArea.top, chart.chartArea.width, chart.chartArea.height);
    pen.clip();
    chart.data.datasets.forEach((dataset, index) => {
      if (!dataset.intervals || !chart.isDatasetVisible(index)) return;
      const meta = chart.getDatasetMeta(index);
      const sideways = chart.options.indexAxis === "y";
      pen.strokeStyle = meta.type === "bar" ? COLOURS.black : dataset.borderColor;
      pen.lineWidth = 1.5;
      pen.beginPath();
      meta.data.forEach((shape, item) => {
        const interval = dataset.intervals[item];
        if (!isInterval(interval)) return;
        const [low, high] = interval.map((value) => meta[sideways ? "xScale" : "yScale"].getPixelForValue(value));
        const line = (x1, y1, x2, y2) => sideways ? (pen.moveTo(y1, x1), pen.lineTo(y2, x2)) : (pen.moveTo(x1, y1), pen.lineTo(x2, y2));
        const middle = sideways ? shape.y : shape.x;
        line(middle, low, middle, high);
        line(middle - 4, low, middle + 4, low);
        line(middle - 4, high, middle + 4, high);
      });
      pen.stroke();
    });
    pen.restore();
  },
};

/// A dashed line at options.plugins.reference.value of the value axis, with its label.
const reference = {
  id: "reference",
  beforeDatasetsDraw(chart, _, options) {
    if (!isNumber(options.value)) return;
    const {ctx: pen, chartArea: area} = chart;
    const sideways = chart.options.indexAxis === "y";
    const at = chart.scales[sideways ? "x" : "y"].getPixelForValue(options.value);
    pen.save();
    pen.strokeStyle = COLOURS.black;
    pen.lineWidth = 1;
    pen.setLineDash([4, 4]);
    pen.beginPath();
    pen.moveTo(sideways ? at : area.left, sideways ? area.top : at);
    pen.lineTo(sideways ? at : area.right, sideways ? area.bottom : at);
    pen.stroke();
    if (options.label) {
      pen.fillStyle = TEXT_COLOUR;
      pen.font = `11px ${FONT}`;
      pen.textAlign = sideways ? "left" : "right";
      pen.fillText(options.label, sideways ? at + 4 : area.right - 4, sideways ? area.top + 10 : at - 5);
    }
    pen.restore();
  },
};

/// Words at the ends of bars: dataset.barLabels has one for each.
const barLabels = {
  id: "barLabels",
  afterDatasetsDraw(chart) {
    const pen = chart.ctx;
    const sideways = chart.options.indexAxis === "y";
    pen.save();
    pen.fillStyle = TEXT_COLOUR;
    pen.font = `11px ${FONT}`;
    pen.textAlign = sideways ? "left" : "center";
    pen.textBaseline = sideways ? "middle" : "bottom";
    chart.data.datasets.forEach((dataset, index) => {
      if (!dataset.barLabels || !chart.isDatasetVisible(index)) return;
      const meta = chart.getDatasetMeta(index);
      meta.data.forEach((shape, item) => {
        if (!dataset.barLabels[item]) return;
        const value = dataset.data[item];
        const top = Math.max(...[value, dataset.intervals?.[item]].flat().filter(isNumber));
        const end = meta[sideways ? "xScale" : "yScale"].getPixelForValue(top);
        if (sideways) pen.fillText(dataset.barLabels[item], end + 6, shape.y);
        else pen.fillText(dataset.barLabels[item], shape.x, end - 4);
      });
    });
    pen.restore();
  },
};

Chart.register(whiskers, reference, barLabels);

/// Decades of a logarithmic axis at 1, 2 and 5, so that labels do not crowd.
function logarithmicTicks(axis) {
  const round = axis.ticks.filter((tick) => {
    const leading = Number(tick.value.toExponential(6).split("e")[0]);
    return leading === 1 || leading === 2 || leading === 5;
  });
  if (round.length > 1) axis.ticks = round;
}

/// title; logarithmic; at: the values that get ticks; format: of ticks; and whatever else Chart.js knows of an axis.
function axis({title, logarithmic = false, at = null, format = formatTick, ...more}) {
  return {
    type: logarithmic ? "logarithmic" : "linear",
    title: {display: Boolean(title), text: title},
    grid: {color: GRID_COLOUR, borderColor: "#888888"},
    ticks: {callback: (value) => format(value), autoSkip: true, autoSkipPadding: 6, maxRotation: 0},
    afterBuildTicks: (scale) => at ? scale.ticks = at.map((value) => ({value})) : logarithmic ? logarithmicTicks(scale) : undefined,
    ...more,
  };
}
const formatTick = (value) => isNumber(value) ? formatFixed(value, Math.abs(value) >= 10 || Number.isInteger(value) ? 0 : -Math.floor(Math.log10(Math.abs(value))) + (Math.abs(value) < 1 ? 1 : 1)).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "") : "";

/// Names along an axis.
function nameAxis(more = {}) {
  return {type: "category", grid: {display: false}, ticks: {autoSkip: false, maxRotation: 40}, ...more};
}

/// Axis of batch sizes.
const batchAxis = (batches, more = {}) => axis({title: "batch (images computed together)", logarithmic: true, at: batches, format: formatCount, ...more});

/// A line with points. points: {x, y, interval, verdict, note}; those without a figure, or an INVALID one, are left out.
function lineSeries(label, style, points, more = {}) {
  const shown = points.filter((point) => isNumber(point.x) && isNumber(point.y) && point.verdict !== "INVALID").sort(byNumber("x"));
  return {
    label, data: shown, intervals: shown.map((point) => point.interval), borderColor: style.colour, borderWidth: 2, borderDash: style.dash ?? [],
    backgroundColor: style.colour, pointStyle: style.shape, pointRadius: 4.5, pointHoverRadius: 6, pointBorderWidth: 1.5, pointBorderColor: style.colour,
    pointBackgroundColor: shown.map((point) => point.verdict === "SUSPECT" ? "#ffffff" : style.colour), tension: 0, ...more,
  };
}

/// Bars, one a category. values: {y, interval, verdict, label} or nothing.
function barSeries(label, style, values, more = {}) {
  const shown = values.map((value) => value && isNumber(value.y) && value.verdict !== "INVALID" ? value : null);
  const fill = style.pattern ? patternFill(style.colour, style.pattern) : style.colour;
  return {
    label, data: shown.map((value) => value?.y ?? null), intervals: shown.map((value) => value?.interval), verdicts: shown.map((value) => value?.verdict),
    barLabels: shown.map((value) => value?.label), borderColor: style.colour, borderWidth: 1.5, maxBarThickness: 38,
    backgroundColor: shown.map((value) => value?.verdict === "SUSPECT" ? `${style.colour}55` : fill), pointStyle: "rect", ...more,
  };
}

/// Value, interval and verdict of what the pointer is on.
function tooltipText(context, format, unit, valueKey) {
  const dataset = context.dataset;
  const value = context.parsed[valueKey];
  const interval = dataset.intervals?.[context.dataIndex];
  const verdict = context.raw?.verdict ?? dataset.verdicts?.[context.dataIndex];
  return [`${dataset.label}: ${format(value)}${unit ? ` ${unit}` : ""}`, isInterval(interval) ? `(${formatInterval(interval, format)})` : "", verdict ?? "",
          context.raw?.note ?? ""].filter(Boolean).join(" ");
}

let chartsDrawn = 0;
const charts = [];

/// title: what is plotted, against what. note: a sentence below. config: {type, datasets, labels, x, y, sideways, format, unit, reference,
/// legend}. draw() makes the chart when the figure is in the page, where it has a size.
function figure({title, note, tall = false, height, ...config}) {
  const canvas = element("canvas", {role: "img", "aria-label": title});
  const box = element("div", {class: tall ? "canvas tall" : "canvas"}, canvas);
  if (height) box.style.height = `${height}px`;
  const made = element("figure", {}, element("h4", {}, title), box, note ? element("figcaption", {}, note) : null);
  made.draw = () => {
    const {type, datasets, labels, x, y, sideways = false, format = formatNumber, unit = "", legend = datasets.length > 1} = config;
    charts.push(new Chart(canvas, {
      type, data: {labels, datasets},
      options: {
        indexAxis: sideways ? "y" : "x", scales: {x, y}, layout: {padding: {right: sideways ? 12 : 6, top: 6}},
        interaction: {mode: type === "line" ? "nearest" : "index", axis: sideways ? "y" : "x", intersect: false},
        plugins: {
          legend: {display: legend},
          reference: config.reference ?? {},
          tooltip: {callbacks: {
            title: config.tooltipTitle ?? ((items) => labels ? items[0]?.label ?? "" : items.length > 0 ? `${x.title.text.replace(/ \(.*/, "")} ${formatNumber(items[0].parsed.x)}` : ""),
            label: config.tooltip ?? ((context) => tooltipText(context, format, unit, sideways ? "x" : "y")),
          }},
        },
      },
    }));
    ++chartsDrawn;
  };
  return made;
}

/// Figures side by side where there is room.
const figures = (...made) => element("div", {class: "figures"}, ...made);
