"""Assignments: whom to ask, where several annotators can be."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
