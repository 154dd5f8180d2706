from .answered import Answered as Answered
from .features import Features as Features
from .halved import Halved as Halved
from .hub import Hub as Hub
from .packaged import Packaged as Packaged
from .synthetic import Synthetic as Synthetic
from .texts import Texts as Texts
