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
  best: {
    title: "Budget to the best",
    about: "Share of the budget to the final accuracy of the best other method, set by set; the median",
    sort: (row) => needed(row.best),
  },
  chosen: {
    title: "Budget to the opponent",
    about: "Share of the budget to the final accuracy of the opponent chosen above; the median",
    sort: (row) => needed(row.chosen),
  },
  verdicts: {
    title: "Win/tie/loss",
    about: "Sets by area against the opponent, at two standard errors",
    sort: (row) => (row.chosen ? row.chosen.verdicts[2] - row.chosen.verdicts[0] : Infinity),
  },
};

const counted = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
const points = (value) => (100 * value).toFixed(1);
const needed = (found) => (found && !Number.isNaN(found.share) ? found.share : Number.MAX_VALUE);
const share = (value) => (value === Infinity ? "not reached" : `${(100 * value).toFixed(0)} %`);
const end = (value) => (value === Infinity ? "> 100" : (100 * value).toFixed(0));

/** The median share over sets, and in how many it is not reached. */
function overText(found) {
  if (!found) return "–";
  if (!found.sets) return "flat";
  return found.missed ? `${share(found.share)} (${found.missed} of ${found.sets} not)` : share(found.share);
}

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

/** A value with its interval as a bar on a common scale. */
function bar({ value, low, high }, [least, most], text) {
  const at = (one) => `${Math.min(Math.max((100 * (one - least)) / (most - least || 1), 0), 100)}%`;
  const drawn = make("span", { class: "bar", "aria-hidden": "true" });
  const [left, right] = Number.isNaN(low) ? [value, value] : [low, high];
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
  const number = view.settings.length;
  const ordered = [...rows].sort((a, b) => {
    const [x, y] = [a, b].map(COLUMNS[state.sort].sort);
    return a.some - b.some || (x < y ? -1 : x > y ? 1 : 0);
  });
  const found = ordered.map((row) => {
    const { method, name, rule, rest, area, best, chosen } = row;
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
      make("td", {}, overText(best)),
      make("td", {}, overText(chosen)),
      make("td", {}, chosen ? chosen.verdicts.join("/") : "–"),
    );
  });
  const whole = ordered.findIndex((row) => row.some);
  if (whole >= 0) {
    const text = `In some of these ${number} settings only: ranks, areas and ends are of those, and do not compare with the others`;
    found.splice(whole, 0, make("tr", { class: "some" }, make("th", { colspan: 8 }, text)));
  }
  return found;
}

/** One comparison: the share of the budget as a bar with its interval, or a word. */
function budgetCell(found) {
  if (!found || found.flat) return make("td", {}, found ? "flat" : "–");
  const low = Number.isNaN(found.low) ? "" : ` [${end(found.low)}, ${end(found.high)}]`;
  return bar({ ...found, value: found.share }, [0, 1], `${share(found.share)}${low}`);
}

/** The rows of one method set by set. */
function setBySet(cells, results, state, view, on) {
  return cells.map((cell) => {
    const { setting, method, rival, best, chosen } = cell;
    const { name, prior, labels } = results.settings[setting];
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
      budgetCell(best),
      budgetCell(chosen),
      make("td", {}, String(labels.at(-1))),
      make("td", {}, copy),
    );
  });
}
