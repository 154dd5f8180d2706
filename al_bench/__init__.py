"""al_bench: active learning with foundation-model priors under class imbalance and label noise."""

from lazy_loader import attach_stub

from al_bench.configuration.portable import hold

__version__ = "1.0.0"

hold()  # before any numerical library is loaded

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
