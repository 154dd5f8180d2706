"""What a run is about: data sets, their imbalance, noise and annotators, and the protocol."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
