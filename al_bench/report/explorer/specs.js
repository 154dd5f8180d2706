"use strict";
// What charts look like: specifications of Vega-Lite, in the colours of the page.

const COLOURS = [
  "#0a84d6",
  "#e0561b",
  "#009e73",
  "#c765a5",
  "#c98a00",
  "#7a6ff0",
  "#5f8a1e",
  "#b0413e",
];
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** What is common to charts, in the colours of the page. */
function config() {
  const [ink, soft, line] = ["--ink", "--soft", "--line"].map(css);
  return {
    background: null,
    font: "system-ui, sans-serif",
    view: { stroke: null },
    axis: {
      labelColor: soft,
      titleColor: soft,
      gridColor: line,
      domainColor: line,
      tickColor: line,
      titleFontWeight: "normal",
      labelFontSize: 11,
      titleFontSize: 12,
      grid: true,
    },
    header: { labelColor: ink, titleColor: ink, labelFontSize: 11, labelFontWeight: 600 },
  };
}

const X = (title) => ({
  field: "x",
  type: "quantitative",
  title,
  scale: { nice: false, zero: false },
});
const Y = (title) => ({
  field: "y",
  type: "quantitative",
  title,
  scale: { zero: false },
  axis: { format: ".0%" },
});
const COLOUR = { field: "colour", type: "nominal", scale: null, legend: null };
const DASH = {
  field: "dash",
  type: "nominal",
  scale: {
    domain: [false, true],
    range: [
      [1, 0],
      [5, 4],
    ],
  },
  legend: null,
};

/** The chart of all methods: grey lines, those that are lit in colour with bands, and levels. */
function curvesSpec(titles) {
  const y = Y(titles.y);
  const from = (name, mark, encoding) => ({
    data: { name },
    mark: { aria: false, ...mark },
    encoding,
  });
  const xy = { x: X(titles.x), y };
  return {
    width: 600,
    height: 360,
    config: config(),
    autosize: { type: "fit", contains: "padding" },
    layer: [
      from(
        "all",
        { type: "line", color: css("--faint"), strokeWidth: 1.2, opacity: 0.8 },
        { ...xy, detail: { field: "m" } },
      ),
      from(
        "levels",
        { type: "rule", strokeWidth: 1.4 },
        { y: { ...y, field: "y" }, color: COLOUR, strokeDash: DASH },
      ),
      ...["left", "right"].map((side) => ({
        ...from(
          "levels",
          { type: "text", align: side, baseline: "bottom", dy: -3, fontSize: 11 },
          {
            x: { value: side === "left" ? 4 : "width" },
            y: { ...y, field: "y" },
            text: { field: "text" },
            color: COLOUR,
          },
        ),
        transform: [{ filter: `datum.side === '${side}'` }],
      })),
      from(
        "lit",
        { type: "area", opacity: 0.13 },
        {
          x: X(titles.x),
          y: { ...y, field: "low" },
          y2: { field: "high" },
          color: COLOUR,
          detail: { field: "m" },
        },
      ),
      from(
        "lit",
        { type: "line", strokeWidth: 2.4 },
        { ...xy, color: COLOUR, strokeDash: DASH, detail: { field: "m" } },
      ),
      from("all", { type: "point", opacity: 0, size: 160, filled: true }, xy),
    ],
    datasets: { all: [], lit: [], levels: [] },
  };
}

/** One small chart a set. */
function panelsSpec(rows, columns, width) {
  const layer = (mark, encoding) => ({ mark: { aria: false, ...mark }, encoding });
  const xy = {
    x: { ...X(null), axis: { tickCount: 3 } },
    y: { ...Y(null), axis: { format: ".0%", tickCount: 3 } },
  };
  return {
    data: { values: rows },
    config: { ...config(), facet: { spacing: 14 } },
    columns,
    facet: {
      field: "set",
      type: "nominal",
      title: null,
      sort: null,
      header: { labelLimit: width },
    },
    resolve: { scale: { x: "independent", y: "independent" } },
    spec: {
      width: width - 34,
      height: 92,
      layer: [
        layer(
          { type: "rule", strokeWidth: 1, color: css("--soft"), strokeDash: [2, 3] },
          { y: { field: "prior", type: "quantitative", aggregate: "mean" } },
        ),
        layer(
          { type: "line", strokeWidth: 1.8 },
          { ...xy, color: COLOUR, strokeDash: DASH, detail: { field: "m" } },
        ),
      ],
    },
  };
}
