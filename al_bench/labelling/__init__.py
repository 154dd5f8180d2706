"""Sessions: a strategy queries a user's rows, people label them, an audit measures the model."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
