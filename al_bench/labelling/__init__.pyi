from .audit.estimate import Interval as Interval
from .evaluation import SessionEstimate as SessionEstimate
from .exported_model import ExportedModel as ExportedModel
from .ledger import Status as Status
from .schema import Answer as Answer
from .schema import Suggestion as Suggestion
from .session import Session as Session
from .settings import Settings as Settings
