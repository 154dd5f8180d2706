"""Where annotators already work: tasks for their tools, and their annotations back."""
