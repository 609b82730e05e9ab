"""The hyperparameter table: the contract with the platform, written once.

It is parsed (parsing), printed (rendering), published (modelarts.publication) and rendered into the
documentation. A new hyperparameter is a new row in the file of its subject under `rows` and a field
of `Hyperparameters` (typed), which a test compares with the table.
"""

from __future__ import annotations

from algorithm.hyperparameters.row import Row
from algorithm.hyperparameters.rows.augmentation_rows import AUGMENTATION_ROWS
from algorithm.hyperparameters.rows.checkpoint_rows import CHECKPOINT_ROWS
from algorithm.hyperparameters.rows.data_rows import DATA_ROWS
from algorithm.hyperparameters.rows.detection_rows import DETECTION_ROWS
from algorithm.hyperparameters.rows.device_rows import DEVICE_ROWS
from algorithm.hyperparameters.rows.distillation_rows import DISTILLATION_ROWS
from algorithm.hyperparameters.rows.job_rows import JOB_ROWS
from algorithm.hyperparameters.rows.log_rows import LOG_ROWS
from algorithm.hyperparameters.rows.loss_rows import LOSS_ROWS
from algorithm.hyperparameters.rows.network_rows import NETWORK_ROWS
from algorithm.hyperparameters.rows.optimizer_rows import OPTIMIZER_ROWS
from algorithm.hyperparameters.rows.schedule_rows import SCHEDULE_ROWS

# The seven of the published marketplace table come first. A flag that is not listed follows these.
_FLAG_ORDER = (
    *("mode", "model_name", "train_batch_size", "eval_batch_size", "num_epochs"),
    *("do_data_cleaning", "hparams"),
    *("pretrained", "fine_tune_checkpoint_type", "pipeline_config", "deps_save_path"),
    *("export_teacher_model", "use_offline_kd", "teacher_model_url", "use_online_kd"),
    *("strategy_type", "tpu", "precision", "log_to"),
    *("data_url", "train_url", "num_gpus", "worker_hosts", "task_index", "job_name"),
)
_PLACES = ("parameter", "platform", "hparams")
_BY_SUBJECT = (
    *LOSS_ROWS,
    *DISTILLATION_ROWS,
    *SCHEDULE_ROWS,
    *OPTIMIZER_ROWS,
    *AUGMENTATION_ROWS,
    *DATA_ROWS,
    *NETWORK_ROWS,
    *DETECTION_ROWS,
    *DEVICE_ROWS,
    *CHECKPOINT_ROWS,
    *LOG_ROWS,
    *JOB_ROWS,
)


def _order(row: Row) -> tuple[int, int]:
    """Flags first, as listed; then the keys of the hparams list, subject by subject."""
    listed = _FLAG_ORDER.index(row.name) if row.name in _FLAG_ORDER else len(_FLAG_ORDER)
    return _PLACES.index(row.where), listed


TABLE = tuple(sorted(_BY_SUBJECT, key=_order))
ROWS = {row.name: row for row in TABLE}
HPARAMS = {row.name: row for row in TABLE if row.where == "hparams"}
