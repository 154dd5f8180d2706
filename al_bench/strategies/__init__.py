"""Query rules: ``select(state, budget, rng)``; one method family a file."""
