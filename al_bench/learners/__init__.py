"""Small models that learn from bought labels: ``fit(rows, training, rng) -> model``."""
