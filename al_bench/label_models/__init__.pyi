from .belief import Believed as Believed
from .belief import OutOfFoldBelief as OutOfFoldBelief
from .consensus import Majority as Majority
