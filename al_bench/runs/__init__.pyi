from .loggers import Csv as Csv
from .loggers import TensorBoard as TensorBoard
from .loggers import WandB as WandB
from .proxy_selection import ProxySelection as ProxySelection
