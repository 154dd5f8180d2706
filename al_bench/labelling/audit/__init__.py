"""How good a model is, by rows drawn at random: pure statistics of arrays."""
