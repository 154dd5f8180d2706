"""Foundation models: encoders that turn inputs into features, and rules that turn features into
class probabilities. The only place where a foundation model runs; nothing here sees a label."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
