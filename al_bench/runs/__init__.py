"""From a config to files: single runs, sweeps, and loggers that mirror them."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
