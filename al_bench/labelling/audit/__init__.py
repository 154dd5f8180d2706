"""How good a model is, estimated from rows drawn at random: pure functions of arrays."""
