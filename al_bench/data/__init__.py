"""The problem of a run: data sets, imbalance, label noise and annotators, and the protocol."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
