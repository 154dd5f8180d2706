from .routing import CoAnnotating as CoAnnotating
from .routing import PACLabels as PACLabels
from .skill import AtRandom as AtRandom
from .skill import BySkill as BySkill
from .skill import InTurn as InTurn
from .skill import KnownSkill as KnownSkill
from .skill import ModelFirst as ModelFirst
from .skill import Only as Only
