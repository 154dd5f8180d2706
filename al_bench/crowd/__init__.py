"""Several annotators: label models that merge their answers, and rules of whom to ask."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
