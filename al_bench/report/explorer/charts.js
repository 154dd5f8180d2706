"use strict";
// Learning curves, drawn by Vega-Lite; the tables say the same numbers to those who see no chart.

const COLOURS = ["#0a84d6", "#e0561b", "#009e73", "#c765a5", "#c98a00", "#7a6ff0", "#5f8a1e", "#b0413e"];
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** What is common to charts, in the colours of the page. */
function config() {
  const [ink, soft, line] = ["--ink", "--soft", "--line"].map(css);
  return {
    background: null,
    font: "system-ui, sans-serif",
    view: { stroke: null },
    axis: {
      labelColor: soft, titleColor: soft, gridColor: line, domainColor: line, tickColor: line,
      titleFontWeight: "normal", labelFontSize: 11, titleFontSize: 12, grid: true,
    },
    header: { labelColor: ink, titleColor: ink, labelFontSize: 11, labelFontWeight: 600 },
  };
}

const X = (title) => ({ field: "x", type: "quantitative", title, scale: { nice: false, zero: false } });
const Y = (title) => ({
  field: "y", type: "quantitative", title, scale: { zero: false }, axis: { format: ".0%" },
});
const COLOUR = { field: "colour", type: "nominal", scale: null, legend: null };
const DASH = { field: "dash", type: "nominal", scale: { domain: [false, true], range: [[1, 0], [5, 4]] }, legend: null };

/** The chart of all methods: grey lines, those that are lit in colour with bands, and levels. */
function curvesSpec(titles) {
  const y = Y(titles.y);
  const from = (name, mark, encoding) => ({ data: { name }, mark: { aria: false, ...mark }, encoding });
  const xy = { x: X(titles.x), y };
  return {
    width: 600, height: 360, config: config(), autosize: { type: "fit", contains: "padding" },
    layer: [
      from("all", { type: "line", color: css("--faint"), strokeWidth: 1.2, opacity: 0.8 }, { ...xy, detail: { field: "m" } }),
      from("levels", { type: "rule", strokeWidth: 1.4 }, { y: { ...y, field: "y" }, color: COLOUR, strokeDash: DASH }),
      ...["left", "right"].map((side) => ({
        ...from("levels", { type: "text", align: side, baseline: "bottom", dy: -3, fontSize: 11 }, {
          x: { value: side === "left" ? 4 : "width" }, y: { ...y, field: "y" }, text: { field: "text" }, color: COLOUR,
        }),
        transform: [{ filter: `datum.side === '${side}'` }],
      })),
      from("lit", { type: "area", opacity: 0.13 }, {
        x: X(titles.x), y: { ...y, field: "low" }, y2: { field: "high" }, color: COLOUR, detail: { field: "m" },
      }),
      from("lit", { type: "line", strokeWidth: 2.4 }, { ...xy, color: COLOUR, strokeDash: DASH, detail: { field: "m" } }),
      from("all", { type: "point", opacity: 0, size: 160, filled: true }, xy),
    ],
    datasets: { all: [], lit: [], levels: [] },
  };
}

/** One small chart a set. */
function panelsSpec(rows, columns, width) {
  const layer = (mark, encoding) => ({ mark: { aria: false, ...mark }, encoding });
  const xy = { x: { ...X(null), axis: { tickCount: 3 } }, y: { ...Y(null), axis: { format: ".0%", tickCount: 3 } } };
  return {
    data: { values: rows }, config: { ...config(), facet: { spacing: 14 } }, columns,
    facet: { field: "set", type: "nominal", title: null, sort: null, header: { labelLimit: width } },
    resolve: { scale: { x: "independent", y: "independent" } },
    spec: {
      width: width - 34, height: 92,
      layer: [
        layer({ type: "rule", strokeWidth: 1, color: css("--soft"), strokeDash: [2, 3] }, { y: { field: "prior", type: "quantitative", aggregate: "mean" } }),
        layer({ type: "line", strokeWidth: 1.8 }, { ...xy, color: COLOUR, strokeDash: DASH, detail: { field: "m" } }),
      ],
    },
  };
}

class Charts {
  constructor(curves, panels, tip, on) {
    Object.assign(this, { curves, panels, tip, on, view: null, shape: "", drawing: 0 });
    curves.addEventListener("pointerdown", (event) => this.grab(event));
  }

  /** Draw the chart of all methods; the view is made anew where its titles or colours change. */
  async draw({ titles, all, lit, levels, about }) {
    const shape = `${titles.x} ${titles.y} ${css("--ink")}`;
    this.curves.setAttribute("aria-label", about);
    if (shape !== this.shape) {
      this.view?.finalize();
      const { spec } = vegaLite.compile(curvesSpec(titles));
      this.view = new vega.View(vega.parse(spec), { renderer: "svg", container: this.curves });
      this.view.addEventListener("mousemove", (event, item) => this.hover(event, item));
      this.view.addEventListener("mouseout", () => this.hover(null, null));
      this.shape = shape;
    }
    this.levels = levels;
    this.view.data("all", all).data("lit", lit).data("levels", levels);
    this.fit();
    await this.view.runAsync();
    this.curves.querySelector("svg")?.setAttribute("aria-hidden", "true");
  }

  fit() {
    const width = Math.max(this.curves.clientWidth, 260);
    this.view?.width(width).height(Math.min(420, Math.max(260, 0.6 * width)));
  }

  async light(lit) {
    await this.view?.data("lit", lit).runAsync();
  }

  hover(event, item) {
    const datum = item?.datum?.m === undefined ? null : item.datum;
    this.tip.hidden = !datum;
    if (datum) {
      this.tip.textContent = datum.tip;
      const left = Math.min(event.clientX + 14, window.innerWidth - 260);
      Object.assign(this.tip.style, { left: `${left}px`, top: `${event.clientY + 14}px` });
    }
    this.on.hover(datum ? datum.m : null);
  }

  /** Drag the level: from near its line on, until the pointer is let go. */
  grab(event) {
    const level = this.levels?.find((one) => one.drag);
    if (!level || Math.abs(this.valueAt(event, true) - this.view.scale("y")(level.y)) > 12) return;
    const move = (one) => this.on.level(this.valueAt(one, false));
    this.curves.setPointerCapture(event.pointerId);
    this.curves.addEventListener("pointermove", move);
    const stop = () => this.curves.removeEventListener("pointermove", move);
    this.curves.addEventListener("lostpointercapture", stop, { once: true });
  }

  /** The pixel, or the level, that a pointer is at. */
  valueAt(event, pixel) {
    const top = this.curves.querySelector("svg").getBoundingClientRect().top;
    const y = event.clientY - top - this.view.origin()[1];
    return pixel ? y : this.view.scale("y").invert(y);
  }

  /** One small chart a set. */
  async drawPanels(rows, about) {
    const number = ++this.drawing;
    const width = this.panels.clientWidth || 900;
    const columns = Math.max(1, Math.floor(width / 190));
    this.panels.setAttribute("aria-label", about);
    const { spec } = vegaLite.compile(panelsSpec(rows, columns, Math.floor(width / columns) - 16));
    const view = new vega.View(vega.parse(spec), { renderer: "svg" });
    await view.runAsync();
    const svg = await view.toSVG();
    view.finalize();
    if (number !== this.drawing) return; // a later call was faster
    this.panels.innerHTML = svg;
    this.panels.querySelector("svg")?.setAttribute("aria-hidden", "true");
  }
}
