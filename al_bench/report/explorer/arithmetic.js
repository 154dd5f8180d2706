"use strict";
// The arithmetic of al_bench/analysis (stats, savings, over_sets), for one mean curve at a time. A
// test in a browser holds every function to the numbers of those modules.

const CLOSE = 1e-9; // a level counts as reached within rounding
const MOST = 2; // times the labels of the other that a level counts as where it is not reached

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The mean of some curves, point by point, each counted so often. */
function meanCurve(curves, counts) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return curves[0].map((_, point) => {
    let sum = 0;
    for (let i = 0; i < curves.length; i++) sum += counts[i] * curves[i][point];
    return sum / total;
  });
}

/** The squared standard error of a mean over seeds. */
function squaredError(values) {
  if (values.length < 2) return NaN;
  const middle = mean(values);
  const sum = values.reduce((total, value) => total + (value - middle) ** 2, 0);
  return sum / (values.length - 1) / values.length;
}

/** The squared standard error of a statistic from its values on resamples of the seeds, which have
 * so much probability each: too small by (seeds - 1) / seeds, and corrected for that. */
function bootstrapError(values, probabilities, seeds) {
  const middle = values.reduce((sum, value, i) => sum + probabilities[i] * value, 0);
  const spread = values.reduce(
    (sum, value, i) => sum + probabilities[i] * (value - middle) ** 2,
    0,
  );
  return (spread * seeds) / (seeds - 1);
}

/** Student's 97.5 % quantile: from a table by degrees of freedom, between its entries (of which the
 * last is of infinitely many) linear in one by them. */
function studentT(freedom, table) {
  const last = table.length - 2;
  if (!(freedom >= 1)) return NaN;
  const below = Math.min(Math.floor(freedom), last);
  const [start, end] = [1 / below, below === last ? 0 : 1 / (below + 1)];
  const part = (start - 1 / freedom) / (start - end);
  return table[below] + part * (table[below + 1] - table[below]);
}

/** The mean over sets of values with squared errors of so many degrees of freedom, and half of its
 * 95 % interval for other seeds (Welch and Satterthwaite, 1947); NaN where a set has one seed. */
function overSets(values, errors, freedoms, table) {
  const sum = errors.reduce((total, error) => total + error, 0);
  const parts = errors.reduce((total, error, i) => total + error ** 2 / freedoms[i], 0);
  const freedom = sum > 0 ? sum ** 2 / parts : 1;
  const half = (studentT(freedom, table) * Math.sqrt(sum)) / values.length;
  return { value: mean(values), half };
}

/** Ranks, 1 is the highest score; ties share their mean rank. */
function ranks(scores) {
  return scores.map((score) => {
    const above = scores.filter((other) => other > score).length;
    const same = scores.filter((other) => other === score).length;
    return above + (same + 1) / 2;
  });
}

/** The area under a curve over labels, divided by their range. */
function area(curve, labels) {
  if (labels.length === 1) return curve[0];
  let sum = 0;
  for (let i = 1; i < labels.length; i++) {
    sum += ((curve[i] + curve[i - 1]) / 2) * (labels[i] - labels[i - 1]);
  }
  return sum / (labels[labels.length - 1] - labels[0]);
}

/** The non-decreasing least-squares fit, by pooling neighbours that fall (Barlow et al., 1972). */
function isotonic(curve) {
  const [sums, counts] = [[], []];
  for (const value of curve) {
    let [sum, count] = [value, 1];
    while (sums.length && sums.at(-1) * count >= sum * counts.at(-1)) {
      sum += sums.pop();
      count += counts.pop();
    }
    sums.push(sum);
    counts.push(count);
  }
  return sums.flatMap((sum, i) => Array(counts[i]).fill(sum / counts[i]));
}

/** The labels at which a curve first reaches a level; Infinity where it never does. */
function labelsNeeded(curve, labels, level) {
  const at = curve.findIndex((value) => value >= level - CLOSE);
  if (at <= 0) return at === 0 ? labels[0] : Infinity;
  const rise = curve[at] > curve[at - 1] ? curve[at] - curve[at - 1] : 1;
  const part = Math.min(Math.max((level - curve[at - 1]) / rise, 0), 1);
  return labels[at - 1] + part * (labels[at] - labels[at - 1]);
}

/** The mean of a curve over the last 10 % of its budget. */
function lastLevel(curve, labels) {
  const end = labels[labels.length - 1];
  return mean(curve.filter((_, i) => labels[i] >= 0.9 * end));
}

/** What a level that only one of two curves reaches counts as, in labels of a per label of b. */
function edge(a, b, labels) {
  const [topA, topB, end] = [Math.max(...a), Math.max(...b), labels[labels.length - 1]];
  const shared = Math.min(topA, topB);
  const needA = topA < topB - CLOSE ? end : labelsNeeded(a, labels, shared);
  const needB = topB < topA - CLOSE ? end : labelsNeeded(b, labels, shared);
  return Math.min(Math.max(needA / needB, 1 / MOST), MOST);
}

/** Labels of a per label of b at a level. */
function ratioAt(a, b, labels, level) {
  const [needA, needB] = [labelsNeeded(a, labels, level), labelsNeeded(b, labels, level)];
  return Number.isFinite(needA) && Number.isFinite(needB) ? needA / needB : edge(a, b, labels);
}

/** The integral over levels low..high of the labels at which a curve first reaches a level. */
function labelsOverLevels(curve, labels, low, high) {
  const top = Math.max(low, high);
  const clip = (value) => Math.min(Math.max(value, low), top);
  let met = curve[0];
  let sum = (clip(met) - low) * labels[0];
  for (let i = 1; i < curve.length; i++) {
    const bottom = clip(met);
    met = Math.max(met, curve[i]);
    const lifted = clip(met);
    if (lifted <= bottom) continue;
    const part = ((bottom + lifted) / 2 - curve[i - 1]) / (curve[i] - curve[i - 1]);
    sum += (lifted - bottom) * (labels[i - 1] + part * (labels[i] - labels[i - 1]));
  }
  return sum;
}

/** Labels of a per label of b, each summed over all levels from b's start to the highest of both. */
function ratioOverLevels(a, b, labels) {
  const [low, topA, topB] = [b[0], Math.max(...a), Math.max(...b)];
  const [shared, high] = [Math.max(Math.min(topA, topB), low), Math.max(topA, topB)];
  if (high - low <= CLOSE) return ratioAt(a, b, labels, low);
  const last = edge(a, b, labels);
  const spent = (curve, from) => labelsOverLevels(curve, labels, from, high);
  return (spent(a, low) + spent(b, shared) * last) / (spent(b, low) + spent(a, shared) / last);
}
