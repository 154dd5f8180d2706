"""al_bench: active learning with foundation-model priors under class imbalance and label noise."""

from lazy_loader import attach_stub

__version__ = "1.0.0"

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
