"""A run of active learning: its state, its loop, the oracle who answers, what is measured."""
