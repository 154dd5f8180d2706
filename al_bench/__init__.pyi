from .api import active_learning as active_learning
from .api import load_results as load_results
from .api import make_problem as make_problem
from .api import plot_learning_curves as plot_learning_curves
from .api import run as run
from .api import savings as savings
from .api import sweep as sweep
from .core.loop import Round as Round
from .core.problem import Problem as Problem
from .core.state import Rows as Rows
from .core.state import State as State
from .core.state import TrainingSet as TrainingSet
from .labelling import Answer as Answer
from .labelling import Session as Session
from .labelling import Suggestion as Suggestion
from .labelling import load as load
from .labelling import plan as plan
from .runs.environment import deterministic as deterministic

__version__: str
