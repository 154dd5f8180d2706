"use strict";
// From the stored curves to what tables and charts show; nothing here touches the page.

const BEST = -1; // the opponent: of each setting the best other method that is shown

class Results {
  constructor(data) {
    Object.assign(this, data);
    const level = (curve) => curve && curve.map((value) => value / this.unit);
    this.at = this.settings.map((setting) =>
      setting.curves.map((rows) => new Map(rows.map(([m, seeds]) => [m, seeds.map(level)]))),
    );
    this.facets = this.facets.filter((facet) => facet.values.length > 1);
    this.fits = new Map();
    this.errors = new Map();
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

  /** The mean curve over some seeds and its isotonic fit, and with `again` those of each resample
   * of the seeds; made once. */
  fit(setting, method, metric, chosen, again = false) {
    const key = `${setting} ${method} ${metric} ${chosen} ${again}`;
    if (!this.fits.has(key)) {
      const rows = this.at[setting][metric].get(method);
      const curves = chosen.map((i) => rows[i]);
      const counts = again ? this.resamples[chosen.length].counts : [chosen.map(() => 1)];
      const fits = counts.map((count) => {
        const curve = meanCurve(curves, count);
        return { curve, smooth: isotonic(curve) };
      });
      this.fits.set(key, fits);
    }
    return this.fits.get(key);
  }

  /** The level at a percentage of the way from the start of a curve to its end. */
  level(curve, labels, percent) {
    const end = lastLevel(curve, labels);
    return percent === 100 ? end : curve[0] + (percent / 100) * (end - curve[0]);
  }

  /** The logs of the labels of one method per label of another, over all levels (percent null) or
   * at one: of the means over all seeds, or of each resample. */
  logs(setting, method, rival, metric, percent, again) {
    const { labels } = this.settings[setting];
    const chosen = this.common(setting, [method, rival], metric);
    const [a, b] = [method, rival].map((one) => this.fit(setting, one, metric, chosen, again));
    return a.map(({ smooth }, i) => {
      if (percent === null) return Math.log(ratioOverLevels(smooth, b[i].smooth, labels));
      const level = this.level(b[i].curve, labels, percent);
      return Math.log(ratioAt(smooth, b[i].smooth, labels, level));
    });
  }

  /** The same with its squared error, which is NaN until `measure` has been there; null where the
   * two have no seed in common. */
  logRatio(setting, method, rival, metric, percent) {
    const number = this.common(setting, [method, rival], metric).length;
    if (!number) return null;
    const key = [setting, method, rival, metric, percent].join(" ");
    const [log] = this.logs(setting, method, rival, metric, percent, false);
    return { log, key, error: this.errors.get(key) ?? NaN, freedom: number - 1 };
  }

  /** Measure the error of a cell's ratio, by the bootstrap; says whether there was something to do. */
  measure({ setting, method, rival, ratio }, { metric, percent }) {
    if (!ratio || this.errors.has(ratio.key) || ratio.freedom < 1) return false;
    const seeds = ratio.freedom + 1;
    const logs = this.logs(setting, method, rival, metric, percent, true);
    this.errors.set(ratio.key, bootstrapError(logs, this.resamples[seeds].probabilities, seeds));
    return true;
  }

  /** The area of each seed of a method in a setting. */
  areas(setting, method, metric) {
    const { labels } = this.settings[setting];
    return (this.seeds(setting, method, metric) ?? []).map((curve) => area(curve, labels));
  }

  /** Whom a method is held against in a setting, null where there is nobody. */
  against(setting, method, opponent, metric, shown) {
    if (opponent !== BEST) return this.at[setting][metric].has(opponent) ? opponent : null;
    const others = shown.filter(
      (m) => m !== method && !this.methods[m].oracle && this.at[setting][metric].has(m),
    );
    const scores = others.map((m) => mean(this.areas(setting, m, metric)));
    return others.length ? others[scores.indexOf(Math.max(...scores))] : null;
  }

  /** One method in one setting: its area, its end, and what it saves over its opponent. */
  cell(setting, method, view) {
    const { metric, opponent, percent, methods } = view;
    const areas = this.areas(setting, method, metric);
    if (!areas.length) return null;
    const { labels } = this.settings[setting];
    const ends = this.seeds(setting, method, metric).map((curve) => lastLevel(curve, labels));
    const rival = this.against(setting, method, opponent, metric, methods);
    const found = { setting, method, rival, area: mean(areas), error: squaredError(areas) };
    Object.assign(found, { freedom: areas.length - 1, end: mean(ends), ratio: null });
    if (rival !== null && rival !== method) {
      found.ratio = this.logRatio(setting, method, rival, metric, percent);
    }
    return found;
  }

  /** Mean saving over cells with its interval: 1 less the geometric mean of the ratios. */
  saving(cells) {
    const known = cells.map((cell) => cell.ratio).filter(Boolean);
    if (!known.length) return null;
    const parts = ["log", "error", "freedom"].map((key) => known.map((ratio) => ratio[key]));
    const { value, half } = overSets(...parts, this.t);
    const [low, high] = [1 - Math.exp(value + half), 1 - Math.exp(value - half)];
    return { value: 1 - Math.exp(value), low, high, sets: known.length };
  }

  /** The leaderboard of a view: methods with runs in all of its settings, by mean rank; then, with
   * no rank, those that read the truth; `lacking` are the others. */
  leaderboard(view) {
    const cells = view.methods.map((m) => view.settings.map((s) => this.cell(s, m, view)));
    const there = cells.filter((row) => row.length && row.every(Boolean));
    const ranked = there.filter((row) => !this.methods[row[0].method].oracle);
    const bySet = view.settings.map((_, i) => ranks(ranked.map((row) => row[i].area)));
    const rows = there.map((row) => {
      const place = ranked.indexOf(row);
      const parts = ["area", "error", "freedom"].map((key) => row.map((cell) => cell[key]));
      return {
        method: row[0].method,
        rank: place < 0 ? null : mean(bySet.map((of) => of[place])),
        area: overSets(...parts, this.t),
        end: mean(row.map((cell) => cell.end)),
        saving: this.saving(row),
        cells: row,
      };
    });
    rows.sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity));
    const lacking = view.methods.filter((m) => !rows.some((row) => row.method === m));
    return { rows, lacking };
  }

  /** Points of a method's mean curve with its interval: over labels in one setting, over per cent of
   * the budget in several. */
  curve(settings, method, metric) {
    if (settings.length === 1) {
      const { labels } = this.settings[settings[0]];
      const seeds = this.seeds(settings[0], method, metric);
      return labels.map((x, i) => this.point(x, [seeds.map((curve) => curve[i])]));
    }
    const start = Math.max(...settings.map((s) => this.settings[s].labels[0] / this.budget(s)));
    const steps = Array.from({ length: 13 }, (_, i) => start + (i / 12) * (1 - start));
    return steps.map((part) =>
      this.point(
        100 * part,
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
