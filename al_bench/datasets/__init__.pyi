from .features import Features as Features
from .hub import Hub as Hub
from .packaged import Packaged as Packaged
from .synthetic import Synthetic as Synthetic
