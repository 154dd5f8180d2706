"""The outputs of foundation models, computed once and cached by content."""
