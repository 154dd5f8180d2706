"""Training rules: which rows a small model is taught, with which targets and weights."""
