from .belief import AveragedBelief as AveragedBelief
from .belief import Believed as Believed
from .belief import OutOfFoldBelief as OutOfFoldBelief
