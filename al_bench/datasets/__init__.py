"""Data sets: ``load() -> Dataset`` from shipped files, the hub, a folder, an .npz or thin air."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
