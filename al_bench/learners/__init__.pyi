from .images import TimmNetwork as TimmNetwork
from .linear import LinearHead as LinearHead
from .losses import Loss as Loss
from .mlp import MLPHead as MLPHead
from .sklearn import SklearnClassifier as SklearnClassifier
from .texts import LoRA as LoRA
from .texts import TextNetwork as TextNetwork
from .training import Recipe as Recipe
