"""What labels will bring, forecast from a few, and the law that it follows: pure functions."""
