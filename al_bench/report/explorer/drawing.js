"use strict";
// What the charts are given of the state that `page.js` holds.

/** The points of curves as rows of a chart. */
function chartRows(methods) {
  return methods.flatMap((m) => {
    const { name } = results.methods[m];
    const dash = m === state.opponent;
    const colour = shown.colours.get(m) ?? css("--ink");
    return shown.curves
      .get(m)
      .map((p) => ({
        ...p,
        m,
        colour,
        dash,
        tip: `${name}: ${points(p.y)} at ${p.x.toFixed(0)}${shown.set === null ? " % of the budget" : " labels"}`,
      }));
  });
}

/** The methods in colour, the opponent, and the one that is hovered last, on top. */
function lit() {
  const some = [state.opponent, ...shown.colours.keys(), hovered];
  return chartRows([...new Set(some)].filter((m) => m !== null && shown.curves.has(m)));
}

/** Horizontal lines: the prior alone and all labels. */
function levels() {
  const { settings, unit } = results;
  const average = (values) => (values.some((v) => v === null) ? null : mean(values) / unit);
  const [prior, full] = ["prior", "full"].map((what) =>
    average(shown.drawn.map((s) => settings[s][what][state.metric])),
  );
  return [
    { y: prior, text: "prior alone", side: "right", colour: css("--soft"), dash: true },
    { y: full, text: "all labels of the pool", side: "right", colour: css("--soft"), dash: true },
  ].filter((one) => one.y !== null);
}

function draw() {
  const { set, rows, view, colours } = shown;
  const metric = results.metrics[state.metric].replaceAll("_", " ");
  const where =
    set === null
      ? `mean over ${counted(view.settings.length, "setting")}`
      : results.settings[set].name;
  byId("chart-title").textContent = where;
  byId("all-sets").hidden = set === null || view.settings.length === 1;
  const about = `Learning curves of ${metric}, ${where}; in colour ${[...colours.keys()].map((m) => results.methods[m].name).join(", ")}. The leaderboard has the numbers.`;
  const all = chartRows([...shown.curves.keys()]);
  const [y] = metric.split(",");
  const titles = { x: set === null ? "% of the budget" : "labels", y };
  charts.draw({ titles, all, lit: lit(), levels: rows.length ? levels() : [], about });
  key();
  panels();
}

/** What colours stand for. */
function key() {
  const { colours, curves } = shown;
  const entry = (m, colour, dash) =>
    make("li", { style: `--pin:${colour}`, class: dash ? "dash" : false }, results.methods[m].name);
  const some = [...colours]
    .filter(([m]) => curves.has(m))
    .map(([m, c]) => entry(m, c, m === state.opponent));
  const rival = !colours.has(state.opponent) && curves.has(state.opponent);
  byId("key").replaceChildren(
    ...some,
    ...(rival ? [entry(state.opponent, css("--ink"), true)] : []),
  );
}

/** Small charts, one a set, of those in colour; drawn when they come into sight. */
function panels() {
  if (!byId("panels-box").open) return;
  const { view, colours, curves } = shown;
  const some = [...new Set([...colours.keys(), state.opponent])].filter((m) => curves.has(m));
  const rows = view.settings.flatMap((s) => {
    const { name, prior } = results.settings[s];
    const level = prior[state.metric] === null ? null : prior[state.metric] / results.unit;
    return some.flatMap((m) =>
      results.curve([s], m, state.metric).map(({ x, y }) => ({
        x,
        y,
        m,
        set: name,
        prior: level,
        colour: colours.get(m) ?? css("--ink"),
        dash: m === state.opponent,
      })),
    );
  });
  charts.drawPanels(
    rows,
    `Learning curves in each of ${counted(view.settings.length, "setting")}; the table above has the numbers.`,
  );
}
