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

  /** Give the cells of one setting their ranks, opponents and what they save; says who is best. */
  compare(cells, { metric, opponent, percent }) {
    const ranked = cells.filter((cell) => !this.methods[cell.method].reads_truth);
    const places = ranks(ranked.map((cell) => cell.area));
    ranked.forEach((cell, i) => (cell.rank = places[i]));
    const [best, second] = ranked.sort((a, b) => a.rank - b.rank).map((cell) => cell.method);
    for (const cell of cells) {
      const rival = opponent !== BEST ? opponent : cell.method === best ? second : best;
      const there = rival !== cell.method && this.at[cell.setting][metric].has(rival);
      cell.rival = there ? rival : null;
      cell.ratio = there && this.logRatio(cell.setting, cell.method, rival, metric, percent);
    }
    return best;
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

  /** The leaderboard of a view: methods by their mean rank in the settings they have, those that
   * lack some of them (`some`) and those that read the truth last. `best`: of each setting. */
  leaderboard(view) {
    const { settings, methods, metric } = view;
    const found = methods.map((m) => settings.map((s) => this.cell(s, m, metric)).filter(Boolean));
    const there = found.filter((cells) => cells.length);
    const all = there.flat();
    const best = new Map(
      settings.map((s) => [s, this.compare(all.filter((cell) => cell.setting === s), view)]),
    );
    const rows = there.map((cells) => {
      const parts = ["area", "error", "freedom"].map((key) => cells.map((cell) => cell[key]));
      return {
        method: cells[0].method,
        rank: mean(cells.map((cell) => cell.rank ?? Infinity)),
        area: overSets(...parts, this.t),
        end: mean(cells.map((cell) => cell.end)),
        saving: this.saving(cells),
        some: cells.length < settings.length,
        cells,
      };
    });
    rows.sort((a, b) => a.some - b.some || a.rank - b.rank);
    return { rows, best };
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
