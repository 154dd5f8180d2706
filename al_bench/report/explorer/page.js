"use strict";
// The page: from a state to what is shown, and from what the reader does to the next state.

const byId = (id) => document.getElementById(id);
const tabs = JSON.parse(byId("data").textContent);
const tabOf = (text) => Math.trunc(Number(new URLSearchParams(text).get("tab"))) || 0;
const tab = tabs[tabOf(location.hash.slice(1))] ? tabOf(location.hash.slice(1)) : 0;
for (const part of document.querySelectorAll("[data-slot]"))
  part.replaceChildren(byId(`${part.dataset.slot}-${tab}`).content.cloneNode(true));
const results = new Results({ ...tabs[tab], tab });
let state = fromFragment(location.hash.slice(1), results);
let shown = null; // what is computed of the state, and read by hovers
let hovered = null;
let waiting = false;

const charts = new Charts(byId("curves"), byId("panels"), byId("tip"), { hover });

/** Take over a change, say it in the address, and show it with the next frame. */
function change(some) {
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

/** Who is drawn in colour: the pinned, or the first three that have a curve and a rank; and the one
 * that is looked into. */
function coloured(rows, curves) {
  const first = rows
    .filter((row) => Number.isFinite(row.rank) && curves.has(row.method))
    .slice(0, 3)
    .map((row) => row.method);
  const pinned = state.pinned ?? first;
  const also = state.method !== null ? [state.method] : [];
  return new Map(
    [...new Set([...pinned, ...also])].map((m, i) => [m, COLOURS[i % COLOURS.length]]),
  );
}

function compute() {
  const view = viewOf(state, results);
  const { rows } = results.leaderboard(view);
  for (const row of rows) {
    const { name, rule, rest } = results.methods[row.method];
    Object.assign(row, { name, rule, rest });
  }
  const only = view.settings.length === 1 ? view.settings[0] : null;
  const set = view.settings.includes(state.set) ? state.set : only;
  const drawn = set === null ? view.settings : [set];
  const method = rows.find((row) => row.method === state.method) ?? rows[0] ?? null;
  const whole = rows
    .map((row) => row.method)
    .filter((m) => drawn.every((s) => results.seeds(s, m, view.metric)));
  const curves = new Map(whole.map((m) => [m, results.curve(drawn, m, view.metric)]));
  return { view, rows, set, drawn, method, curves, colours: coloured(rows, curves) };
}

function render() {
  shown = compute();
  const { rows, view } = shown;
  byId("count").textContent =
    `${counted(rows.length, "method")} in ${counted(view.settings.length, "setting")}`;
  byId("reset").hidden = !Object.keys(state.chosen).length;
  controls();
  const on = { pin, open: (m) => change({ method: m }) };
  keepingFocus(() => {
    byId("board-head").replaceChildren(head(state, change, "Drawn in colour"));
    byId("board").replaceChildren(...leaderboard(shown, state, on));
    drill();
  });
  byId("nothing").hidden = rows.length > 0;
  draw();
  document.body.dataset.drawn = "true";
}

/** Replace parts of the page without losing where the reader is with the keyboard: elements that
 * stand for the same before and after have the same `data-key`. */
function keepingFocus(replace) {
  const key = document.activeElement?.dataset.key;
  replace();
  if (key === undefined) return;
  const same = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  same?.focus({ preventScroll: true });
}

/** Show in the filters and the controls of the comparison what is chosen. */
function controls() {
  for (const box of byId("filters").querySelectorAll("input"))
    box.checked = Boolean(state.chosen[box.name]?.includes(box.value));
  byId("metric").value = state.metric;
  byId("opponent").value = state.opponent;
  for (const link of document.querySelectorAll("nav a"))
    link.toggleAttribute("aria-current", Number(link.dataset.tab) === tab);
}

/** What is chosen of the filters. */
function choose() {
  const chosen = {};
  for (const { name, value } of byId("filters").querySelectorAll("input:checked"))
    (chosen[name] ??= []).push(value);
  change({ chosen });
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
  const { text, renewed } = results.command(setting, method);
  const nearest = `The nearest to these runs: ${renewed.join(", ")} was renewed since they were made.`;
  byId("command").textContent = text;
  byId("renewed").textContent = renewed.length ? nearest : "";
  byId("command-box").hidden = false;
  const say = (done) => (byId("copied").textContent = done ? "copied" : "select and copy");
  if (navigator.clipboard)
    navigator.clipboard.writeText(text).then(
      () => say(true),
      () => say(false),
    );
  else say(false);
  byId("command").focus();
}

function pin(method) {
  const now = [...(state.pinned ?? shown.colours.keys())];
  change({ pinned: now.includes(method) ? now.filter((m) => m !== method) : [...now, method] });
}

function hover(method) {
  if (method === hovered) return;
  hovered = method;
  const name = results.methods[method]?.name;
  for (const row of byId("board").children)
    row.classList.toggle("lit", row.dataset.method === name);
  charts.light(lit());
}

for (const over of ["mouseover", "focusin"]) {
  byId("board").addEventListener(over, (event) =>
    hover(Number(event.target.closest("tr").dataset.index)),
  );
}
for (const out of ["mouseleave", "focusout"])
  byId("board").addEventListener(out, () => hover(null));
byId("filters").addEventListener("change", choose);
byId("metric").addEventListener("change", (event) =>
  change({ metric: Number(event.target.value) }),
);
byId("opponent").addEventListener("change", (event) =>
  change({ opponent: Number(event.target.value) }),
);
byId("reset").addEventListener("click", () => change({ chosen: {} }));
byId("all-sets").addEventListener("click", () => change({ set: null }));
byId("panels-box").addEventListener("toggle", () => shown && panels());
byId("share").addEventListener("click", () => navigator.clipboard?.writeText(location.href));
addEventListener("hashchange", () => {
  if (tabOf(location.hash.slice(1)) !== tab) return location.reload();
  state = fromFragment(location.hash.slice(1), results);
  later();
});
addEventListener("resize", later);
if (innerWidth < 820) byId("filter-box").open = false;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
render();
