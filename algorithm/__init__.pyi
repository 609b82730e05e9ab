# What `from algorithm import` gives, for type checkers and editors.
from algorithm.cli.python_call import train as train
from algorithm.prediction.model import Model as Model
from algorithm.prediction.model import load as load
from algorithm.prediction.result import Result as Result

__version__: str
