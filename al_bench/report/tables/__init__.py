"""A report's tables."""
