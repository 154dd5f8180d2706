from .predicting import Exported as Exported
from .session import Session as Session
from .values import Answer as Answer
from .values import Estimate as Estimate
from .values import Interval as Interval
from .values import Settings as Settings
from .values import Status as Status
from .values import Suggestion as Suggestion
