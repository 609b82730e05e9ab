"""The hyperparameter contract: one table, and what is made of it. Pure Python."""

from algorithm.hyperparameters.distillation_pairs import PEER_ENLARGEMENT
from algorithm.hyperparameters.hyperparameter_table import HPARAMS, ROWS, TABLE
from algorithm.hyperparameters.model_names import MODEL_NAMES, larger_than
from algorithm.hyperparameters.parsing import parse
from algorithm.hyperparameters.platform_flags import PLATFORM_FLAGS
from algorithm.hyperparameters.row import Row
from algorithm.hyperparameters.table_text import LANGUAGES, as_markdown, as_text
from algorithm.hyperparameters.typed import Hyperparameters
from algorithm.hyperparameters.values import read_value, write_value

__all__ = [
    "HPARAMS",
    "Hyperparameters",
    "LANGUAGES",
    "MODEL_NAMES",
    "PEER_ENLARGEMENT",
    "PLATFORM_FLAGS",
    "ROWS",
    "Row",
    "TABLE",
    "as_markdown",
    "as_text",
    "larger_than",
    "parse",
    "read_value",
    "write_value",
]
