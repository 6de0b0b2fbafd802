// Axes, series and figures: a chart with its title and words. chart_look.js has what they look like.

/// Round values over the axis's range: the more decades, the fewer in each.
function logarithmicTicks({min, max}) {
  const span = max / min;
  const leading = span >= 10 ? [1, 2, 5] :
      span >= 3              ? [1, 2, 3, 5, 7] :
                               [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
  const values = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.log10(max); ++power) {
    for (const digit of leading) values.push(Number(`${digit}e${power}`));
  }
  return values.filter((value) => value >= min && value <= max).map((value) => ({value}));
}

/// Of the values at which an axis could have a tick, those whose labels do not touch.
function spacedTicks(scale, values, logarithmic) {
  const place = (value) => logarithmic ? Math.log(value) : value;
  const width = Math.max(scale.chart.width - 80, 100);
  const perPixel = (place(values.at(-1)) - place(values[0])) / width;
  let free = -Infinity;
  return values.filter((value) => {
    const half = perPixel * (4 * formatTick(value).length + 4);
    if (place(value) - half < free) return false;
    free = place(value) + half;
    return true;
  });
}

/// title; logarithmic; at: the values that have ticks, which are also the axis's ends; format: of ticks; and
/// whatever else Chart.js knows of an axis.
function axis({title, logarithmic = false, at = null, format = formatTick, ...more}) {
  const ends = !at || at.length === 0 ? {} :
      logarithmic                     ? {min: at[0] / 1.15, max: at.at(-1) * 1.15} :
                                        {min: at[0] - 0.25, max: at.at(-1) + 0.25};
  return {
    type: logarithmic ? "logarithmic" : "linear",
    title: {display: Boolean(title), text: title},
    grid: {color: GRID_COLOUR, borderColor: "#888888"},
    ticks: {callback: (value) => format(value), autoSkip: !at, autoSkipPadding: 6, maxRotation: 0},
    afterBuildTicks: (scale) => {
      if (at && at.length > 0)
        scale.ticks = spacedTicks(scale, at, logarithmic).map((value) => ({value}));
      else if (logarithmic && scale.min > 0)
        scale.ticks = logarithmicTicks(scale);
    },
    ...ends,
    ...more,
  };
}

function formatTick(value) {
  return isNumber(value) ? value.toLocaleString("en-US", {maximumSignificantDigits: 4}).replace(/^-/, "−") :
                           "";
}

/// Gives an axis of values room for all of the data, whiskers and the reference line, of which Chart.js's own
/// choice knows nothing; on a logarithmic one, no more than that.
function fitted(valueAxis, datasets, key, line) {
  const values = datasets.flatMap(
      (dataset) =>
          [...dataset.data.flatMap((item) => isNumber(item) || Array.isArray(item) ? item : item?.[key]),
           ...(dataset.intervals ?? []).filter(isInterval).flat()]);
  const shown =
      [...values, line].filter((value) => isNumber(value) && (valueAxis.type !== "logarithmic" || value > 0));
  if (shown.length === 0) return valueAxis;
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  if (valueAxis.type === "logarithmic") return {min: low / 1.25, max: high * 1.25, ...valueAxis};
  return {
    ...valueAxis,
    suggestedMin: Math.min(low, valueAxis.suggestedMin ?? low),
    suggestedMax: Math.max(high, valueAxis.suggestedMax ?? high)
  };
}

/// Names along an axis.
function nameAxis(more = {}) {
  return {type: "category", grid: {display: false}, ticks: {autoSkip: false, maxRotation: 40}, ...more};
}

/// Axis of batch sizes.
const batchAxis = (batches, more = {}) => axis(
    {title: "batch (images computed together)", logarithmic: true, at: batches, format: String, ...more});

/// A line with points. points: {x, y, interval, verdict, note}; those without a figure, or an INVALID one,
/// are left out.
function lineSeries(label, style, points, more = {}) {
  const shown =
      points.filter((point) => isNumber(point.x) && isNumber(point.y) && point.verdict !== "INVALID")
          .sort(byNumber("x"));
  return {
    label,
    data: shown,
    intervals: shown.map((point) => point.interval),
    borderColor: style.colour,
    borderWidth: 2,
    borderDash: style.dash ?? [],
    backgroundColor: style.colour,
    legendFill: style.colour,
    pointStyle: style.shape,
    pointRadius: 4.5,
    pointHoverRadius: 6,
    pointBorderWidth: 1.5,
    pointBorderColor: style.colour,
    pointBackgroundColor: shown.map((point) => point.verdict === "SUSPECT" ? "#ffffff" : style.colour),
    tension: 0,
    ...more,
  };
}

/// Bars, one a category. values: {y, interval, verdict, label} or nothing.
function barSeries(label, style, values, more = {}) {
  const shown =
      values.map((value) => value && isNumber(value.y) && value.verdict !== "INVALID" ? value : null);
  const fill = style.pattern ? patternFill(style.colour, style.pattern) : style.colour;
  return {
    label,
    data: shown.map((value) => value?.y ?? null),
    intervals: shown.map((value) => value?.interval),
    verdicts: shown.map((value) => value?.verdict),
    barLabels: shown.map((value) => value?.label),
    borderColor: style.colour,
    borderWidth: 1.5,
    maxBarThickness: 38,
    backgroundColor: shown.map((value) => value?.verdict === "SUSPECT" ? `${style.colour}55` : fill),
    legendFill: fill,
    pointStyle: "rect",
    ...more,
  };
}

/// Value, interval and verdict of what the pointer is on.
function tooltipText(context, format, unit, valueKey) {
  const dataset = context.dataset;
  const value = context.parsed[valueKey];
  const interval = dataset.intervals?.[context.dataIndex];
  const verdict = context.raw?.verdict ?? dataset.verdicts?.[context.dataIndex];
  return [
    `${dataset.label}: ${format(value)}${unit ? ` ${unit}` : ""}`,
    isInterval(interval) ? `(${formatInterval(interval, format)})` : "", verdict ?? "",
    context.raw?.note ?? ""
  ].filter(Boolean)
      .join(" ");
}

let chartsDrawn = 0;
const charts = [];

/// title: what is plotted, against what. note: a sentence below. config: {type, datasets, labels, x, y,
/// sideways, format, unit, reference, legend}. draw() makes the chart when the figure is in the page, where
/// it has a size.
function figure({title, note, height, ...config}) {
  const canvas = element("canvas", {role: "img", "aria-label": title});
  const box = element("div", {class: "canvas"}, canvas);
  if (height) box.style.height = `${height}px`;
  const made =
      element("figure", {}, element("h4", {}, title), box, note ? element("figcaption", {}, note) : null);
  made.draw = () => {
    const {
      type,
      datasets,
      labels,
      sideways = false,
      format = formatNumber,
      unit = "",
      legend = datasets.length > 1
    } = config;
    const line = config.reference?.value;
    const x = sideways ? fitted(config.x, datasets, "x", line) : config.x;
    const y = sideways ? config.y : fitted(config.y, datasets, "y", line);
    charts.push(new Chart(canvas, {
      type,
      data: {labels, datasets},
      options: {
        indexAxis: sideways ? "y" : "x",
        scales: {x, y},
        layout: {padding: {right: sideways ? labelRoom(datasets) : 6, top: 6}},
        interaction:
            {mode: type === "line" ? "nearest" : "index", axis: sideways ? "y" : "x", intersect: false},
        plugins: {
          legend: {display: legend},
          reference: config.reference ?? {},
          tooltip: {
            callbacks: {
              title: config.tooltipTitle ??
                  ((items) => labels    ? items[0]?.label ?? "" :
                       items.length > 0 ? `${x.title.text.replace(/ \(.*/, "")} ${
                                              formatNumber(items[0].parsed.x)}` :
                                          ""),
              label:
                  config.tooltip ?? ((context) => tooltipText(context, format, unit, sideways ? "x" : "y")),
            }
          },
        },
      },
    }));
    ++chartsDrawn;
  };
  return made;
}

/// Figures side by side where there is room.
const figures = (...made) => element("div", {class: "figures"}, ...made);
