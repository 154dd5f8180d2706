from .exported_model import Exported as Exported
from .session import Session as Session
from .settings import Answer as Answer
from .settings import Estimate as Estimate
from .settings import Interval as Interval
from .settings import Settings as Settings
from .settings import Status as Status
from .settings import Suggestion as Suggestion
