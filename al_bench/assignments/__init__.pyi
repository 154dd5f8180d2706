from .plain import AtRandom as AtRandom
from .plain import InTurn as InTurn
from .plain import ModelFirst as ModelFirst
from .plain import Only as Only
from .skill import BySkill as BySkill
from .skill import KnownSkill as KnownSkill
