"""Rules that serve the class that has least: one row a turn, every list searched anew."""

from math import ceil

from tests.reference.ranking import entropy, product, top


def guesses(probs, rng):
    """Likeliest class of each row; where several are equally likely, a random one of them."""
    out = []
    for p in probs:
        level = [c for c in range(len(p)) if p[c] == max(p)]
        if len(level) > 1:
            luck = rng.random(len(p))
            level.sort(key=lambda c, luck=luck: -luck[c])
        out.append(level[0])
    return out


def serve(classes, scores, counts, budget, rng):
    """Positions in the order of service: the class with least so far that has rows left takes its
    row of highest score. Equal rows and equal classes go by luck."""
    line = [int(i) for i in rng.permutation(len(classes))]
    luck = rng.random(len(counts))
    have, taken = list(counts), []
    while line and len(taken) < budget:
        waiting = {classes[i] for i in line}
        c = min(waiting, key=lambda c: (have[c], luck[c]))
        best = max((i for i in line if classes[i] == c), key=lambda i: scores[i])
        line.remove(best)
        taken.append(best)
        have[c] += 1
    return taken


def balanced_at_random(classes, counts, budget, rng):
    """Service where the rows of a class are equally good."""
    return serve(classes, rng.random(len(classes)), counts, budget, rng)


def fm_stratified(prior, rows, budget, rng):
    """Random rows, equally many of each class that the prior predicts."""
    said = guesses(prior[rows], rng)
    return [rows[i] for i in balanced_at_random(said, [0] * prior.shape[1], budget, rng)]


def fm_balanced(prior, rows, counts, budget, among, rng):
    """The class with fewest answers and picks takes one of its `among` likeliest rows."""
    luck = rng.random(len(counts))
    have, ranked, taken = list(counts), {}, []
    for _ in range(min(budget, len(rows))):
        c = min(range(len(have)), key=lambda c: (have[c], luck[c]))
        if c not in ranked:
            last = min(budget, len(rows)) + among  # nobody looks further down
            ranked[c] = [rows[i] for i in top([prior[row][c] for row in rows], last, rng)]
        left = [row for row in ranked[c] if row not in taken][:among]
        taken.append(left[int(rng.integers(len(left)))])
        have[c] += 1
    return taken


def beliefs(of, probs, prior, rows, floor):
    """What the model, the prior, or their product says of the rows."""
    return {
        "model": [list(probs[row]) for row in rows],
        "prior": [list(prior[row]) for row in rows],
        "product": [product(probs[row], prior[row], floor) for row in rows],
    }[of]


def tail_first(believed, rows, counts, budget, rng):
    """Inside the predicted set of the class with fewest answers, the row of highest entropy."""
    said = guesses(believed, rng)
    scores = [entropy(p) for p in believed]
    return [rows[i] for i in serve(said, scores, counts, budget, rng)]


def pcb(inner, prior, rows, counts, budget, fraction, rng):
    """Among the candidates that `inner` names, a random row of the class with fewest."""
    candidates = inner(rows, max(budget, ceil(fraction * len(rows))), rng)
    said = guesses([prior[row] for row in candidates], rng)
    return [candidates[i] for i in balanced_at_random(said, counts, budget, rng)]


def balanced_by_truth(truth, labels, rows, n_classes, budget, rng):
    """Random rows, so that the truths of all labelled rows are as even as they can be."""
    have = [
        sum(label >= 0 and t == c for t, label in zip(truth, labels, strict=True))
        for c in range(n_classes)
    ]
    return [rows[i] for i in balanced_at_random([truth[r] for r in rows], have, budget, rng)]
