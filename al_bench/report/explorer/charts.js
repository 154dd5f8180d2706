"use strict";
// Learning curves, drawn by Vega-Lite; the tables say the same numbers to those who see no chart.

class Charts {
  constructor(curves, panels, tip, on) {
    Object.assign(this, { curves, panels, tip, on, view: null, shape: "", drawing: 0 });
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
