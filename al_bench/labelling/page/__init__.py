"""The labelling page: a small local server, keyboard first (``albench session label``)."""
