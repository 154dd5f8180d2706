"""Data sets: ``load() -> Dataset`` from shipped files, the hub, a folder, an .npz or thin air."""
