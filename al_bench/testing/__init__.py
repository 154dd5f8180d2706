"""The contracts of components, and the situations in which they are checked."""
