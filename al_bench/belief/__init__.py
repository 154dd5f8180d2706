"""The class of a row as prior, model and answers together say it: an opinion pool of the three."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
