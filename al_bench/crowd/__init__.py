"""Several annotators: what their answers say together, and whom to ask."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
