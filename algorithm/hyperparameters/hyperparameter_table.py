"""The hyperparameter table: the contract with the platform, written once.

It is parsed (parsing), printed (rendering), published (modelarts.publication) and rendered into the documentation.
A new hyperparameter is a new row in parameters, recipe or surroundings, and nothing else here.
"""

from __future__ import annotations

from algorithm.hyperparameters.parameters import PARAMETERS
from algorithm.hyperparameters.recipe import RECIPE
from algorithm.hyperparameters.surroundings import SURROUNDINGS

TABLE = (*PARAMETERS, *RECIPE, *SURROUNDINGS)
ROWS = {row.name: row for row in TABLE}
HPARAMS = {row.name: row for row in TABLE if row.where == "hparams"}
