"use strict";
// From the stored curves to what tables and charts show; nothing here touches the page.

const BEST = -1; // the opponent: of each setting the best other method that is shown

class Results {
  constructor(data) {
    Object.assign(this, data);
    const level = (curve) => curve && curve.map((value) => value / this.unit);
    this.at = this.settings.map(({ curves, better }) => {
      const own = curves.map((rows) => new Map(rows.map(([m, seeds]) => [m, seeds.map(level)])));
      return [...own, ...better.map((rows) => new Map(rows.map(([m, i]) => [m, own[i].get(m)])))];
    });
    this.compared = new Map();
  }

  /** The curves of a method in a setting, one of each seed that it has; null where it has no run. */
  seeds(setting, method, metric) {
    return this.at[setting][metric].get(method)?.filter(Boolean) ?? null;
  }

  /** The places of the seeds that all of some methods have in a setting. */
  common(setting, methods, metric) {
    const rows = methods.map((method) => this.at[setting][metric].get(method));
    if (rows.some((row) => !row)) return [];
    return rows[0].flatMap((_, i) => (rows.every((row) => row[i]) ? [i] : []));
  }

  /** A method compared with another in a setting, on the seeds that both have; null without any. */
  versus(setting, method, rival, metric) {
    const key = `${setting} ${method} ${rival} ${metric}`;
    if (!this.compared.has(key)) {
      const chosen = this.common(setting, [method, rival], metric);
      const [a, b] = [method, rival].map((one) => this.at[setting][metric].get(one));
      const { labels } = this.settings[setting];
      const curves = [a, b].map((rows) => chosen.map((i) => rows[i]));
      this.compared.set(key, chosen.length ? comparison(...curves, labels, this.t) : null);
    }
    return this.compared.get(key);
  }

  /** One method in one setting: its area and its end; null where it has no runs. */
  cell(setting, method, metric) {
    const { labels } = this.settings[setting];
    const seeds = this.seeds(setting, method, metric);
    if (!seeds) return null;
    const areas = seeds.map((curve) => area(curve, labels));
    const end = mean(seeds.map((curve) => lastLevel(curve, labels)));
    const [error, freedom] = [squaredError(areas), areas.length - 1];
    return { setting, method, area: mean(areas), error, freedom, end };
  }

  /** Give the cells of one setting their ranks, and compare each with the best other method there
   * and with the opponent. */
  compare(cells, { metric, opponent }) {
    const ranked = cells.filter((cell) => !this.methods[cell.method].reads_truth);
    const places = ranks(ranked.map((cell) => cell.area));
    ranked.forEach((cell, i) => (cell.rank = places[i]));
    const [best, second] = ranked.sort((a, b) => a.rank - b.rank).map((cell) => cell.method);
    const found = (cell, rival) => {
      const there = rival !== cell.method && this.at[cell.setting][metric].has(rival);
      return there ? this.versus(cell.setting, cell.method, rival, metric) : null;
    };
    for (const cell of cells) {
      cell.rival = (cell.method === best ? second : best) ?? null;
      cell.best = found(cell, cell.rival);
      cell.chosen = opponent === BEST ? cell.best : found(cell, opponent);
    }
  }

  /** Over cells: the median share of the budget, in how many it is not reached, of how many, and
   * wins, ties and losses by area; null where nothing is compared. */
  overSets(compared) {
    const known = compared.filter(Boolean);
    if (!known.length) return null;
    const shares = known.filter((one) => !one.flat).map((one) => one.share);
    const count = (word) => known.filter((one) => one.verdict === word).length;
    return {
      share: median(shares),
      missed: shares.filter((share) => share === Infinity).length,
      sets: shares.length,
      verdicts: ["win", "tie", "loss"].map(count),
    };
  }

  /** The leaderboard of a view: methods by their mean rank in the settings they have, those that
   * lack some of them (`some`) and those that read the truth last. */
  leaderboard(view) {
    const { settings, methods, metric } = view;
    const found = methods.map((m) => settings.map((s) => this.cell(s, m, metric)).filter(Boolean));
    const there = found.filter((cells) => cells.length);
    const all = there.flat();
    for (const s of settings) this.compare(all.filter((cell) => cell.setting === s), view);
    const rows = there.map((cells) => {
      const parts = ["area", "error", "freedom"].map((key) => cells.map((cell) => cell[key]));
      return {
        method: cells[0].method,
        rank: mean(cells.map((cell) => cell.rank ?? Infinity)),
        area: overSets(...parts, this.t),
        end: mean(cells.map((cell) => cell.end)),
        best: this.overSets(cells.map((cell) => cell.best)),
        chosen: this.overSets(cells.map((cell) => cell.chosen)),
        some: cells.length < settings.length,
        cells,
      };
    });
    rows.sort((a, b) => a.some - b.some || a.rank - b.rank);
    return { rows };
  }

  /** Points of a method's mean curve with its interval: over labels in one setting, over per cent of
   * the budget in several. */
  curve(settings, method, metric) {
    const whole = settings.length === 1 ? this.budget(settings[0]) : 100;
    const start = Math.max(...settings.map((s) => this.settings[s].labels[0] / this.budget(s)));
    const steps = Array.from({ length: 13 }, (_, i) => start + (i / 12) * (1 - start));
    const own = settings.length === 1 && this.settings[settings[0]].labels.map((n) => n / whole);
    return (own || steps).map((part) =>
      this.point(
        whole * part,
        settings.map((s) => {
          const { labels } = this.settings[s];
          return this.seeds(s, method, metric).map((curve) =>
            between(curve, labels, part * this.budget(s)),
          );
        }),
      ),
    );
  }

  point(x, bySet) {
    const freedoms = bySet.map((seeds) => seeds.length - 1);
    const { value, half } = overSets(bySet.map(mean), bySet.map(squaredError), freedoms, this.t);
    return { x, y: value, low: value - (half || 0), high: value + (half || 0) };
  }

  budget(setting) {
    return this.settings[setting].labels.at(-1);
  }

  /** The command that makes the runs of a method in a setting, and the options that are not what
   * they were when these runs were made. */
  command(setting, method) {
    const { choices, seeds } = this.settings[setting];
    const all = [...choices, ...this.methods[method].choices].map((i) => this.choices[i]);
    const own = all.some((choice) => choice.arguments === null);
    const said = all.flatMap((c) => c.arguments ?? [`${c.group}=${c.option}`]);
    const has = this.common(setting, [method], 0).map((i) => seeds[i]);
    const folder = own ? ["--config-dir YOUR_CONFIGS"] : [];
    const text = ["albench run", ...folder, ...said, `seed=${has.join(",")}`].join(" ");
    return { text, renewed: all.filter((c) => c.renewed).map((c) => `${c.group}=${c.option}`) };
  }
}

/** A curve's value at a number of labels, linear between its points. */
function between(curve, labels, x) {
  const at = labels.findIndex((n) => n >= x - CLOSE);
  if (at <= 0) return at === 0 ? curve[0] : curve.at(-1);
  const part = (x - labels[at - 1]) / (labels[at] - labels[at - 1]);
  return curve[at - 1] + part * (curve[at] - curve[at - 1]);
}
