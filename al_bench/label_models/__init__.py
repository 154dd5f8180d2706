"""What to believe of answers: beliefs, cross-fitting, PriorAL's split of the pool."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
