"""Training rules: which rows a task model is trained on, with which targets and weights."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
