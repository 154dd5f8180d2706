"use strict";
// What the reader has chosen, and its form in the address: a permalink holds names, not numbers.

/** What the page starts with. pinned: null stands for the first three; set: null for all of them. */
function initial(results) {
  return {
    metric: results.start,
    opponent: results.single,
    chosen: {},
    pinned: null,
    method: null,
    set: null,
    sort: "rank",
  };
}

/** The fragment of an address that says a state; what is as at first is left out. */
function fragment(state, results) {
  const [first, said] = [initial(results), new URLSearchParams()];
  const name = (method) => results.methods[method].name;
  if (state.metric !== first.metric) said.set("metric", results.metrics[state.metric]);
  if (results.tab) said.set("tab", results.tab);
  if (state.opponent !== first.opponent)
    said.set("against", state.opponent === BEST ? "" : name(state.opponent));
  for (const [key, values] of Object.entries(state.chosen)) {
    for (const value of values) said.append(key, value);
  }
  if (state.pinned) state.pinned.forEach((method) => said.append("pin", name(method)));
  if (state.pinned && !state.pinned.length) said.set("pin", "");
  if (state.method !== null) said.set("method", name(state.method));
  if (state.set !== null) said.set("set", results.settings[state.set].name);
  if (state.sort !== first.sort) said.set("sort", state.sort);
  return said.toString();
}

/** The state that a fragment says; what it says of things that are not there is passed over. */
function fromFragment(text, results) {
  const [state, said] = [initial(results), new URLSearchParams(text)];
  const found = (list) => (at) => list.findIndex((one) => (one.name ?? one) === at);
  const [method, set] = [found(results.methods), found(results.settings)];
  const take = (key, at) => {
    const index = said.has(key) ? at(said.get(key)) : -1;
    return index < 0 ? null : index;
  };
  state.metric = take("metric", found(results.metrics)) ?? state.metric;
  state.opponent = said.get("against") === "" ? BEST : (take("against", method) ?? state.opponent);
  state.method = take("method", method);
  state.set = take("set", set);
  if (said.has("pin"))
    state.pinned = said
      .getAll("pin")
      .map(method)
      .filter((at) => at >= 0);
  if (Object.hasOwn(COLUMNS, said.get("sort") ?? "")) state.sort = said.get("sort");
  for (const { key, values } of results.facets) {
    const some = said.getAll(key).filter((value) => values.includes(value));
    if (some.length) state.chosen[key] = some;
  }
  return state;
}

/** The settings and methods that a state's filters leave, and how they are compared. */
function viewOf(state, results) {
  const left = (of, count) => {
    const facets = results.facets.filter((f) => f.of === of && state.chosen[f.key]);
    return Array.from({ length: count }, (_, i) => i).filter((i) =>
      facets.every((f) => state.chosen[f.key].includes(f.values[f.at[i]])),
    );
  };
  return {
    metric: state.metric,
    opponent: state.opponent,
    settings: left("setting", results.settings.length),
    methods: left("method", results.methods.length),
  };
}
