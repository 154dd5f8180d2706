from .belief import AveragedBelief as AveragedBelief
from .belief import BeliefModel as BeliefModel
from .belief import OutOfFoldBelief as OutOfFoldBelief
