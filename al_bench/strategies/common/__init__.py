"""Arithmetic that several strategies share."""
