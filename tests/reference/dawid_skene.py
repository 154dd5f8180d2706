"""Dawid and Skene's expectation-maximisation, answer by answer."""


def dawid_skene(answers, n_classes, steps):
    """Class probabilities of each row from (row, annotator, class) triples: votes first, then
    matrices and frequencies, then probabilities, so many times."""
    rows = sorted({row for row, _, _ in answers})
    probs = {row: [0.0] * n_classes for row in rows}
    for row, _, said in answers:
        probs[row][said] += 1
    for row in rows:
        total = sum(probs[row])
        probs[row] = [value / total for value in probs[row]]
    for _ in range(steps):
        classes = range(n_classes)
        often = [sum(probs[row][c] for row in rows) / len(rows) for c in classes]
        says = {}  # annotator, said, true class
        for row, who, said in answers:
            for c in classes:
                says[who, said, c] = says.get((who, said, c), 0.0) + probs[row][c]
        says = {key: max(value, 1e-10) for key, value in says.items()}
        total = {}
        for (who, _, c), value in says.items():
            total[who, c] = total.get((who, c), 0.0) + value
        for row in rows:
            joint = [max(value, 1e-10) for value in often]
            for other, who, said in answers:
                if other == row:
                    joint = [joint[c] * says[who, said, c] / total[who, c] for c in classes]
            probs[row] = [value / sum(joint) for value in joint]
    return [probs[row] for row in rows]
