"""Competence and habit by expectation and maximisation, one answer after the other."""

from collections import defaultdict


def learned(answers, priors, k, annotators, noise, own, habit_mass, sweeps):
    """answers: (row, who, said); priors: by row the probabilities before any answer. Returns
    competences, habits and the posteriors that led to them."""
    theta = [0.5] * annotators
    habit = [[habit_mass / k] * k for _ in range(annotators)]
    for _, who, said in answers:
        habit[who][said] += 1
    habit = [[h / sum(one) for h in one] for one in habit]
    posterior = {}
    for _ in range(sweeps):
        for row, prior in priors.items():
            joint = []
            for t in range(k):
                chance = prior[t]
                for r, who, said in answers:
                    if r == row:
                        guess = (1 - theta[who]) * habit[who][said]
                        chance *= theta[who] * (said == t) + guess
                joint.append(chance)
            posterior[row] = [j / sum(joint) for j in joint]
        knew, count = [0.0] * annotators, [0] * annotators
        spam = [defaultdict(float) for _ in range(annotators)]
        for row, who, said in answers:
            guess = (1 - theta[who]) * habit[who][said]
            knows = posterior[row][said] * theta[who] / (theta[who] + guess)
            knew[who] += knows
            count[who] += 1
            spam[who][said] += 1 - knows
        common = (noise[1] + sum(knew)) / (sum(noise) + sum(count))
        theta = [(own * common + s) / (own + c) for s, c in zip(knew, count, strict=True)]
        habit = [[habit_mass / k + one[c] for c in range(k)] for one in spam]
        habit = [[h / sum(one) for h in one] for one in habit]
    return theta, habit
