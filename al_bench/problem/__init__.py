"""What a run is about: imbalance, annotators, protocol, and the pool that they make."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
