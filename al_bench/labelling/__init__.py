"""Sessions: rows of one's own, chosen by a strategy, labelled by people, measured by an audit."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
