from .belief import AveragedBelief as AveragedBelief
from .belief import Believed as Believed
from .belief import OutOfFoldBelief as OutOfFoldBelief
from .consensus import Majority as Majority
from .glad import Glad as Glad
from .libraries import Crowdlab as Crowdlab
from .libraries import DawidSkene as DawidSkene
from .libraries import Mace as Mace
