"""From a config to files: one run, sweeps of them, and what mirrors them."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
