"""What foundation models say, computed once and kept by content."""
