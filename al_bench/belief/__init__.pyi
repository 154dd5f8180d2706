from .belief import AveragedBelief as AveragedBelief
from .belief import BeliefModel as BeliefModel
