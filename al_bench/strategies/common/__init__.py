"""Arithmetic that query rules share."""
