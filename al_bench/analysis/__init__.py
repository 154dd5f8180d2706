"""From runs to numbers: pure functions of one tidy table."""
