"use strict";
// The arithmetic of al_bench/report (stats, savings, summary), for one mean curve at a time. A test
// in a browser holds every function to the numbers of those modules.

const CLOSE = 1e-9; // a level counts as reached within rounding
const FLAT = 0.02; // a curve that rises by less says nothing of labels

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The mean of some curves, point by point. */
const meanCurve = (curves) => curves[0].map((_, point) => mean(curves.map((curve) => curve[point])));

/** The squared standard error of a mean over seeds. */
function squaredError(values) {
  if (values.length < 2) return NaN;
  const middle = mean(values);
  const sum = values.reduce((total, value) => total + (value - middle) ** 2, 0);
  return sum / (values.length - 1) / values.length;
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

/** How much of the budget a method needs for an opponent's final accuracy: the share, Infinity where
 * it is not reached, its 95 % interval for other seeds, whether the opponent's curve is flat, and
 * the difference in area with its verdict. Both are curves, one a seed, in the same order. */
function comparison(ours, opponent, labels, table) {
  const budget = labels[labels.length - 1];
  const apart = ours.map((curve, i) => curve.map((value) => value - opponent[i].at(-1)));
  const middle = meanCurve(apart);
  const root = (at) => Math.sqrt(squaredError(apart.map((curve) => curve[at])));
  const half = middle.map((_, at) => studentT(ours.length - 1, table) * root(at));
  const first = (curve) => labelsNeeded(curve, labels, 0) / budget;
  const later = middle.map((value, at) => value - half[at]);
  for (let at = later.length - 2; at >= 0; at--) later[at] = Math.min(later[at], later[at + 1]);
  const several = ours.length > 1;
  const rise = mean(opponent.map((curve) => curve.at(-1) - curve[0]));
  const areas = ours.map((curve, i) => area(curve, labels) - area(opponent[i], labels));
  const [points, error] = [mean(areas), Math.sqrt(squaredError(areas))];
  const tie = !(Math.abs(points) > 2 * error);
  return {
    share: first(isotonic(middle)),
    low: several ? first(middle.map((value, at) => value + half[at])) : NaN,
    high: several ? first(later) : NaN,
    flat: rise < FLAT,
    points,
    verdict: tie ? "tie" : points > 0 ? "win" : "loss",
  };
}

/** The median; Infinity where one of the two in the middle is, NaN without values. */
function median(values) {
  if (!values.length) return NaN;
  const ordered = [...values].sort((a, b) => a - b);
  const [low, high] = [(values.length - 1) >> 1, values.length >> 1].map((at) => ordered[at]);
  return high === Infinity ? high : (low + high) / 2;
}
