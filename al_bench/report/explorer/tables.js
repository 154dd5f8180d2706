"use strict";
// The tables and their numbers, as elements; text never becomes markup.

const COLUMNS = {
  rank: {
    title: "Rank",
    about: "Mean rank by area in the settings a method has, among the methods shown",
    sort: (row) => row.rank,
  },
  method: { title: "Method", about: "", sort: (row) => row.name },
  area: {
    title: "Area",
    about: "Mean area under the curve in the settings a method has, 95 % interval for other seeds",
    sort: (row) => -row.area.value,
  },
  end: { title: "End", about: "Mean over the last tenth of the budget", sort: (row) => -row.end },
  saving: {
    title: "Labels saved",
    about: "Over the opponent, 95 % interval for other seeds",
    sort: (row) => -(row.saving?.value ?? -Infinity),
  },
};

const counted = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
const points = (value) => (100 * value).toFixed(1);
const percent = (value) =>
  Number.isFinite(value) ? `${Math.round(100 * value) || 0} %`.replace("-", "−") : "–";
const interval = ({ low, high }) =>
  Number.isNaN(low) ? "" : ` [${percent(low)}, ${percent(high)}]`.replaceAll(" %", "");

/** An element with attributes (functions are listeners) and children. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A value with its interval as a bar on a common scale; zero: where a line is drawn. */
function bar({ value, low, high }, [least, most], text, zero = null) {
  const at = (one) => `${Math.min(Math.max((100 * (one - least)) / (most - least || 1), 0), 100)}%`;
  const drawn = make("span", { class: "bar", "aria-hidden": "true" });
  if (zero !== null) drawn.append(make("i", { class: "zero", style: `left:${at(zero)}` }));
  const [left, right] = Number.isFinite(low) ? [low, high] : [value, value];
  drawn.append(
    make("i", { class: "span", style: `left:${at(left)};right:calc(100% - ${at(right)})` }),
  );
  drawn.append(make("i", { class: "dot", style: `left:${at(value)}` }));
  return make("td", { class: "with-bar" }, make("span", { class: "number" }, text), drawn);
}

/** The head of a table whose columns can be sorted by. */
function head(state, change, first) {
  const cells = Object.entries(COLUMNS).map(([key, { title, about }]) => {
    const by = state.sort === key;
    const click = () => change({ sort: key });
    const button = make(
      "button",
      { type: "button", "data-key": `sort ${key}`, title: about || false, click },
      title,
    );
    return make("th", { scope: "col", "aria-sort": by ? "ascending" : false, class: key }, button);
  });
  return make(
    "tr",
    {},
    make("th", { scope: "col" }, make("span", { class: "hidden" }, first)),
    ...cells,
  );
}

/** The rows of the leaderboard. */
function leaderboard({ rows, view, curves, colours }, state, on) {
  const ends = rows
    .filter((row) => !row.some)
    .flatMap(({ area: { value, half } }) => [value - (half || 0), value + (half || 0)]);
  const areas = [Math.min(...ends), Math.max(...ends)];
  const saved = rows.map((row) => row.saving).filter(Boolean);
  const savings = [Math.max(-1, Math.min(0, ...saved.map((s) => s.value)) - 0.1), 1];
  const number = view.settings.length;
  const ordered = [...rows].sort((a, b) => {
    const [x, y] = [a, b].map(COLUMNS[state.sort].sort);
    return a.some - b.some || (x < y ? -1 : x > y ? 1 : 0);
  });
  const found = ordered.map((row) => {
    const { method, name, rule, rest, area, saving } = row;
    const colour = colours.get(method);
    const pin = make("input", {
      type: "checkbox",
      "data-key": `pin ${name}`,
      "aria-label": `Draw ${name} in colour`,
      change: () => on.pin(method),
    });
    pin.checked = Boolean(colour);
    pin.disabled = !curves.has(method);
    const [low, high] = [area.value - area.half, area.value + area.half];
    const reached = `${points(area.value)}${Number.isNaN(area.half) ? "" : ` ± ${points(area.half)}`}`;
    const open = make(
      "button",
      { type: "button", class: "link", "data-key": `open ${name}`, click: () => on.open(method) },
      make("span", {}, rule),
      " ",
      make("span", { class: "rest" }, rest),
    );
    const has = row.some ? make("span", { class: "rest" }, `${row.cells.length} of ${number}`) : null;
    return make(
      "tr",
      {
        "data-method": name,
        "data-index": method,
        class: state.method === method ? "current" : false,
      },
      make("td", { class: "pin", style: colour ? `--pin:${colour}` : false }, pin),
      make("td", { class: "rank" }, Number.isFinite(row.rank) ? row.rank.toFixed(1) : "†", has),
      make("th", { scope: "row" }, open),
      row.some ? make("td", {}, reached) : bar({ value: area.value, low, high }, areas, reached),
      make("td", {}, points(row.end)),
      saving
        ? bar(saving, savings, `${percent(saving.value)}${interval(saving)}`, 0)
        : make("td", { class: "with-bar" }, "–"),
    );
  });
  const whole = ordered.findIndex((row) => row.some);
  if (whole >= 0) {
    const text = `In some of these ${number} settings only: ranks, areas and ends are of those, and do not compare with the others`;
    found.splice(whole, 0, make("tr", { class: "some" }, make("th", { colspan: 6 }, text)));
  }
  return found;
}

/** The rows of one method set by set. */
function setBySet(cells, results, state, view, on) {
  return cells.map((cell) => {
    const { setting, method, rival } = cell;
    const { name, prior, labels } = results.settings[setting];
    const saving = results.saving([cell]);
    const half = overSets([cell.area], [cell.error], [cell.freedom], results.t).half;
    const level = prior[view.metric];
    const open = make(
      "button",
      {
        type: "button",
        class: "link",
        "data-key": `set ${name}`,
        "aria-pressed": String(state.set === setting),
        click: () => on.set(setting),
      },
      name,
    );
    const copy = make(
      "button",
      {
        type: "button",
        class: "small",
        "data-key": `command ${name}`,
        "aria-label": `Command for ${name}`,
        click: () => on.command(setting, method),
      },
      "command",
    );
    return make(
      "tr",
      { "data-set": name, class: state.set === setting ? "current" : false },
      make("th", { scope: "row" }, open),
      make("td", {}, level === null ? "–" : points(level / results.unit)),
      make("td", {}, `${points(cell.area)}${Number.isNaN(half) ? "" : ` ± ${points(half)}`}`),
      make("td", {}, points(cell.end)),
      make(
        "td",
        { class: "name" },
        rival === null || rival === method ? "–" : results.methods[rival].name,
      ),
      saving
        ? bar(saving, [-1, 1], `${percent(saving.value)}${interval(saving)}`, 0)
        : make("td", { class: "with-bar" }, "–"),
      make("td", {}, String(labels.at(-1))),
      make("td", {}, copy),
    );
  });
}
