"""How often people err, one answer and one hypothesis after the other."""

from math import exp, lgamma, log


def skills(answers, others, rate, k, shifts, spreads, before, alone, idle, mass):
    """By answer the chances of it where it is the row's class and where another is.

    answers: (row, who, said); others: what all else says of each answer, the probability that it
    is right. The rest as the constants of ``al_bench.belief.multi_annotator``.
    """
    rows = [row for row, _, _ in answers]
    weights = [alone if rows.count(row) == 1 else 1.0 for row in rows]
    errs = [min(1 / (1 + exp(-log(rate / (1 - rate)) - s)), max(rate, 1 - 1 / k)) for s in shifts]
    departures = []
    for spread in spreads:
        odds = [exp(-0.5 * (s / spread) ** 2) for s in shifts]
        departures.append([one / sum(odds) for one in odds])

    def told(of):
        """Likelihoods of some answers: by shift, by spread, and by habit."""
        by_shift = [1.0] * len(shifts)
        counts = [0.0] * k
        for i in of:
            counts[answers[i][2]] += weights[i]
            for j, e in enumerate(errs):
                chance = (1 - e) * others[i] + e / (k - 1) * (1 - others[i])
                by_shift[j] *= chance ** weights[i]
        by_habit = lgamma(mass) - lgamma(sum(counts) + mass)
        by_habit += sum(lgamma(c + mass / k) - lgamma(mass / k) for c in counts)
        means = [sum(d * b for d, b in zip(one, by_shift, strict=True)) for one in departures]
        return by_shift, means, exp(by_habit), counts

    def total(means, habit):
        return [(1 - idle) * mean + idle * habit for mean in means]

    spread_odds = [exp(b) for b in before]
    for person in {who for _, who, _ in answers}:
        _, means, habit, _ = told([i for i, a in enumerate(answers) if a[1] == person])
        spread_odds = [o * t for o, t in zip(spread_odds, total(means, habit), strict=True)]
    spread_odds = [o / sum(spread_odds) for o in spread_odds]
    found = []
    for i, (_, who, said) in enumerate(answers):
        rest = [j for j, a in enumerate(answers) if a[1] == who and j != i]
        by_shift, means, habit, counts = told(rest)
        err = spams = 0.0
        for t, o in enumerate(spread_odds):
            spams += o * idle * habit / total(means, habit)[t]
            mean = sum(d * b * e for d, b, e in zip(departures[t], by_shift, errs, strict=True))
            err += o * mean / means[t]
        says = (counts[said] + mass / k) / (sum(counts) + mass)
        hit = (1 - spams) * (1 - err) + spams * says
        found.append((hit, (1 - spams) * err / (k - 1) + spams * says))
    return found
