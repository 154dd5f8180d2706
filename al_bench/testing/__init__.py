"""What components promise, and the situations in which they are held to it."""
