// Charts: one look for all of them. Colours are Okabe and Ito's, which colour-blind readers tell apart; what
// colour says, shape or pattern says too. Filled points are VALID, hollow ones SUSPECT; INVALID figures stand
// in the tables only. Whiskers are 95 % intervals. Nothing moves.
const COLOURS = {
  blue: "#0072b2",
  orange: "#e69f00",
  green: "#009e73",
  vermillion: "#d55e00",
  purple: "#cc79a7",
  sky: "#56b4e9",
  black: "#222222",
  grey: "#767676",
};
const SHAPES = ["circle", "rect", "triangle", "rectRot", "star", "crossRot", "rectRounded", "cross"];
const SERIES_COLOURS =
    ["blue", "vermillion", "green", "purple", "orange", "sky", "black", "grey"].map((name) => COLOURS[name]);
const PRECISION_STYLES = {
  fp32: {colour: COLOURS.orange, shape: "rect"},
  bf16: {colour: COLOURS.green, shape: "triangle"},
  int8: {colour: COLOURS.blue, shape: "circle"},
  mixed: {colour: COLOURS.purple, shape: "rectRot"},
};
const PUBLISHED_STYLE = {
  colour: COLOURS.grey,
  shape: "rect",
  dash: [6, 4],
  pattern: "diagonal"
};
const PROJECTED_STYLE = {
  colour: COLOURS.vermillion,
  shape: "triangle",
  dash: [2, 3],
  pattern: "dots"
};
const precisionStyle = (precision) => Object.hasOwn(PRECISION_STYLES, precision) ?
    PRECISION_STYLES[precision] :
    {colour: COLOURS.black, shape: "star"};
const seriesStyle = (index) =>
    ({colour: SERIES_COLOURS[index % SERIES_COLOURS.length], shape: SHAPES[index % SHAPES.length]});

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
// A series' sign in the legend is filled, even if its first figure is SUSPECT.
const chartJsLabels = Chart.defaults.plugins.legend.labels.generateLabels;
Chart.defaults.plugins.legend.labels.generateLabels = (chart) => chartJsLabels(chart).map((label) => {
  const {legendFill = label.fillStyle} = chart.data.datasets[label.datasetIndex];
  return {...label, fillStyle: legendFill};
});
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
        const [low, high] =
            interval.map((value) => meta[sideways ? "xScale" : "yScale"].getPixelForValue(value));
        const line = (x1, y1, x2, y2) =>
            sideways ? (pen.moveTo(y1, x1), pen.lineTo(y2, x2)) : (pen.moveTo(x1, y1), pen.lineTo(x2, y2));
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
      pen.textAlign = "left";
      pen.fillText(options.label, sideways ? at + 4 : area.left + 6, sideways ? area.top + 10 : at - 5);
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
        if (sideways)
          pen.fillText(dataset.barLabels[item], end + 6, shape.y);
        else
          pen.fillText(dataset.barLabels[item], shape.x, end - 4);
      });
    });
    pen.restore();
  },
};

/// Pixels that the words at the ends of lying bars may need beside the longest.
const labelRoom = (datasets) => Math.max(
    12,
    ...datasets.flatMap(
        (dataset) => (dataset.barLabels ?? []).map((label) => 10 + 6.3 * (label ?? "").length)));

Chart.register(whiskers, reference, barLabels);
