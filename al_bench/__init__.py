"""al_bench: active learning with foundation-model priors under class imbalance and label noise."""

__version__ = "0.1.0"
