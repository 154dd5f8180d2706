from .confident import ConfidentLearning as ConfidentLearning
from .human import HumanLabels as HumanLabels
from .human import Smoothed as Smoothed
from .pseudo import AllPseudo as AllPseudo
from .pseudo import ConfidentSplit as ConfidentSplit
from .pseudo import Distill as Distill
from .vetted import Vetted as Vetted
from .vetted import VettedPool as VettedPool
