"use strict";
// The page: from a state to what is shown, and from what the reader does to the next state.

const byId = (id) => document.getElementById(id);
const results = new Results(JSON.parse(byId("data").textContent));
let state = fromFragment(location.hash.slice(1), results);
let shown = null; // what is computed of the state, and read by hovers
let hovered = null;
let waiting = false;

const charts = new Charts(byId("curves"), byId("panels"), byId("tip"), { hover, level: dragged });

/** Take over a change, say it in the address, and show it with the next frame. */
function change(some = {}) {
  Object.assign(state, some);
  const said = fragment(state, results);
  history.replaceState(null, "", said ? `#${said}` : location.pathname + location.search);
  later();
}

function later() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    render();
  });
}

/** Who is drawn in colour: the pinned, or the first three; and the one that is looked into. */
function coloured(rows) {
  const first = rows.filter((row) => row.rank !== null).slice(0, 3).map((row) => row.method);
  const pinned = state.pinned ?? first;
  const also = state.method !== null ? [state.method] : [];
  return new Map([...new Set([...pinned, ...also])].map((m, i) => [m, COLOURS[i % COLOURS.length]]));
}

function compute() {
  const view = viewOf(state, results);
  const { rows, lacking } = results.leaderboard(view);
  for (const row of rows) {
    const { name, rule, rest } = results.methods[row.method];
    Object.assign(row, { name, rule, rest });
  }
  const set = view.settings.includes(state.set) ? state.set : null;
  const drawn = set === null ? view.settings : [set];
  const method = rows.find((row) => row.method === state.method) ?? rows[0] ?? null;
  const curves = new Map(rows.map(({ method: m }) => [m, results.curve(drawn, m, view.metric)]));
  return { view, rows, lacking, set, drawn, method, curves, colours: coloured(rows) };
}

function render() {
  shown = compute();
  const { rows, lacking, view } = shown;
  const words = { settings: view.settings.length, methods: rows.length };
  byId("count").textContent = `${words.methods} methods in ${words.settings} settings`;
  byId("filters").replaceChildren(...filters(results, state, () => change()));
  byId("reset").hidden = !Object.keys(state.chosen).length;
  controls();
  byId("board-head").replaceChildren(head(state, change, "Drawn in colour"));
  const on = { pin, open: (m) => change({ method: m }), hover };
  keepingFocus(() => {
    byId("board").replaceChildren(...leaderboard(rows, state, shown.colours, on));
    drill();
  });
  byId("lacking").textContent = lacking.length
    ? `Not ranked, without runs in some of these settings: ${lacking.map((m) => results.methods[m].name).join("; ")}.`
    : "";
  byId("nothing").hidden = rows.length > 0;
  draw();
}

/** Replace parts of the page without losing where the reader is with the keyboard. */
function keepingFocus(replace) {
  const row = document.activeElement?.closest("tr[data-method], tr[data-set]");
  const part = row && [...row.querySelectorAll("button, input")].indexOf(document.activeElement);
  replace();
  if (!row) return;
  const key = row.dataset.method === undefined ? "set" : "method";
  const same = [...document.querySelectorAll(`tr[data-${key}]`)].find((one) => one.dataset[key] === row.dataset[key]);
  same?.querySelectorAll("button, input")[part]?.focus({ preventScroll: true });
}

/** The controls of the comparison: metric, opponent and level. */
function controls() {
  const options = (list, at) => list.map(([value, text]) => {
    const option = make("option", { value }, text);
    option.selected = value === at;
    return option;
  });
  byId("metric").replaceChildren(...options(results.metrics.map((m, i) => [i, m.replaceAll("_", " ")]), state.metric));
  const methods = results.methods.map((m, i) => [i, m.name]);
  byId("opponent").replaceChildren(...options([[BEST, "the best other method shown, set by set"], ...methods], state.opponent));
  const over = state.percent === null;
  byId(over ? "over-all" : "at-level").checked = true;
  byId("level").value = state.percent ?? 100;
  byId("level-text").textContent = over
    ? "all levels from the opponent’s start to the highest that either reaches"
    : `${state.percent} % of the way from the opponent’s start to its end`;
}

/** The points of curves as rows of a chart. */
function chartRows(methods) {
  return methods.flatMap((m) => {
    const { name } = results.methods[m];
    const dash = m === state.opponent;
    const colour = shown.colours.get(m) ?? css("--ink");
    return shown.curves.get(m).map((p) => ({ ...p, m, colour, dash, tip: `${name}: ${points(p.y)} at ${p.x.toFixed(0)}${shown.set === null ? " % of the budget" : " labels"}` }));
  });
}

/** The methods in colour, the opponent, and the one that is hovered last, on top. */
function lit() {
  const some = [state.opponent, ...shown.colours.keys(), hovered];
  return chartRows([...new Set(some)].filter((m) => m !== null && shown.curves.has(m)));
}

/** Horizontal lines: the prior alone, all labels, and the level that can be dragged. */
function levels() {
  const { settings, unit } = results;
  const average = (values) => (values.some((v) => v === null) ? null : mean(values) / unit);
  const prior = average(shown.drawn.map((s) => settings[s].prior[state.metric]));
  const full = state.metric === 0 ? average(shown.drawn.map((s) => settings[s].full)) : null;
  const level = levelDrawn(state.percent);
  return [
    { y: prior, text: "prior alone", colour: css("--soft"), dash: true },
    { y: full, text: "all labels of the pool", colour: css("--soft"), dash: true },
    { y: level, text: "level ↕", colour: css("--accent"), dash: false, drag: true },
  ].filter((one) => one.y !== null);
}

/** The level at a percentage of the opponent's way, mean over the settings drawn; null where there
 * is none. */
function levelDrawn(percentage) {
  if (percentage === null || state.opponent === BEST) return null;
  const some = shown.drawn.map((s) => [s, results.common(s, [state.opponent], state.metric)]);
  if (!some.length || some.some(([, chosen]) => !chosen.length)) return null;
  return mean(some.map(([s, chosen]) => results.level(s, state.opponent, state.metric, percentage, chosen)));
}

/** A level that was dragged to, as a percentage of the opponent's way. */
function dragged(value) {
  const [start, end] = [levelDrawn(0), levelDrawn(100)];
  if (start === null || end === start) return;
  change({ percent: Math.round(Math.min(Math.max((100 * (value - start)) / (end - start), 0), 100)) });
}

function draw() {
  const { set, rows, view, colours } = shown;
  const metric = results.metrics[state.metric].replaceAll("_", " ");
  const where = set === null ? `mean over ${view.settings.length} settings` : results.settings[set].name;
  byId("chart-title").textContent = where;
  byId("all-sets").hidden = set === null;
  const about = `Learning curves of ${metric}, ${where}; in colour ${[...colours.keys()].map((m) => results.methods[m].name).join(", ")}. The leaderboard has the numbers.`;
  const all = rows.length ? chartRows(rows.map((row) => row.method)) : [];
  const titles = { x: set === null ? "% of the budget" : "labels", y: metric };
  charts.draw({ titles, all, lit: lit(), levels: rows.length ? levels() : [], about });
  key();
  panels();
}

/** What colours stand for. */
function key() {
  const { colours, curves } = shown;
  const entry = (m, colour, dash) => make("li", { style: `--pin:${colour}`, class: dash ? "dash" : false }, results.methods[m].name);
  const some = [...colours].filter(([m]) => curves.has(m)).map(([m, c]) => entry(m, c, m === state.opponent));
  const rival = !colours.has(state.opponent) && curves.has(state.opponent);
  byId("key").replaceChildren(...some, ...(rival ? [entry(state.opponent, css("--ink"), true)] : []));
}

/** Small charts, one a set, of those in colour; drawn when they come into sight. */
function panels() {
  if (!byId("panels-box").open) return;
  const { view, colours, curves } = shown;
  const some = [...new Set([...colours.keys(), state.opponent])].filter((m) => curves.has(m));
  const rows = view.settings.flatMap((s) => {
    const { name, prior } = results.settings[s];
    const level = prior[state.metric] === null ? null : prior[state.metric] / results.unit;
    return some.flatMap((m) => results.curve([s], m, state.metric).map(({ x, y }) => ({
      x, y, m, set: name, prior: level, colour: colours.get(m) ?? css("--ink"), dash: m === state.opponent,
    })));
  });
  charts.drawPanels(rows, `Learning curves in each of ${view.settings.length} settings; the table above has the numbers.`);
}

/** One method set by set. */
function drill() {
  const { method } = shown;
  byId("drill").hidden = !method;
  if (!method) return;
  byId("drill-title").textContent = `${method.name}, set by set`;
  const on = {
    command,
    set: (s) => change({ set: state.set === s ? null : s }),
  };
  byId("sets").replaceChildren(...setBySet(method.cells, results, state, shown.view, on));
}

function command(setting, method) {
  const text = results.command(setting, method);
  byId("command").textContent = text;
  byId("command-box").hidden = false;
  navigator.clipboard?.writeText(text).then(
    () => (byId("copied").textContent = "copied"),
    () => (byId("copied").textContent = "select and copy"),
  );
  byId("command").focus();
}

function pin(method) {
  const now = [...(state.pinned ?? shown.colours.keys())];
  change({ pinned: now.includes(method) ? now.filter((m) => m !== method) : [...now, method] });
}

function hover(method) {
  if (method === hovered) return;
  hovered = method;
  const name = method === null ? undefined : results.methods[method].name;
  for (const row of byId("board").children) row.classList.toggle("lit", row.dataset.method === name);
  charts.light(lit());
}

byId("metric").addEventListener("change", (event) => change({ metric: Number(event.target.value) }));
byId("opponent").addEventListener("change", (event) => change({ opponent: Number(event.target.value) }));
byId("over-all").addEventListener("change", () => change({ percent: null }));
byId("at-level").addEventListener("change", () => change({ percent: Number(byId("level").value) }));
byId("level").addEventListener("input", (event) => change({ percent: Number(event.target.value) }));
byId("reset").addEventListener("click", () => change({ chosen: {} }));
byId("all-sets").addEventListener("click", () => change({ set: null }));
byId("panels-box").addEventListener("toggle", () => shown && panels());
byId("share").addEventListener("click", () => navigator.clipboard?.writeText(location.href));
addEventListener("hashchange", () => {
  state = fromFragment(location.hash.slice(1), results);
  later();
});
addEventListener("resize", later);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
render();
