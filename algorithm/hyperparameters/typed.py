"""The typed form of one job's hyperparameters: one attribute per row of the table."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from algorithm.hyperparameters.hyperparameter_table import TABLE
from algorithm.hyperparameters.values import write_value

# How the pictures of a step pass through the network.
_DIVISION = ("train_batch_size", "gradient_accumulation_steps")
_OWN_ROWS = tuple(row for row in TABLE if not row.alias_of)


@dataclass(frozen=True)
class Hyperparameters:
    """One job's hyperparameters: an attribute for each row of the table, typed as the row says.

    A test compares the attributes with the table: same names, same types. The parser fills every
    one.

    Attributes:
        image_size: (height, width) in pixels; None leaves it to the job, see jobs.input_size.
        jitter_min: None means that the starting weights decide, see random_scales.
        jitter_max: The same.
        survival_prob: None means the probability of the model.
        anchor_scale: 0.0 means the scale of the model.
        ignored: Names of flags that were given and are no hyperparameters.
        notes: Lines to log about keys of hparams that are written otherwise here.
    """

    # job
    mode: str
    hparams: str
    pipeline_config: str
    deps_save_path: str
    train_url: str
    seed: int
    best_metric: str
    folds: int
    early_stop_patience: int
    keep_checkpoint_max: int
    checkpoint_minutes: float
    auto_batch: bool
    log_form: str
    log_to: str
    gradient_checkpointing: bool
    steps_per_loop: int
    log_every_steps: int
    # data
    do_data_cleaning: bool
    train_batch_size: int
    eval_batch_size: int
    data_url: str
    aspect_ratio_group_factor: int
    bit_depth: int
    eval_last: int
    max_instances_per_image: int
    # network
    model_name: str
    pretrained: str
    fine_tune_checkpoint_type: str
    known_classes: bool
    linear_probe: bool
    image_size: tuple[int, int] | None
    anchor_scale: float
    survival_prob: float | None
    masks: str
    # losses
    label_smoothing: float
    box_loss_weight: float
    iou_loss_type: str
    iou_loss_weight: float
    mask_loss_weight: float
    alpha: float
    gamma: float
    delta: float
    class_weights: str
    # distillation
    export_teacher_model: bool
    use_offline_kd: bool
    teacher_model_url: str
    use_online_kd: bool
    soft_cls_loss: float
    soft_box_loss: float
    kd_method: str
    peer_model: str
    peer_pretrained: str
    # schedule
    num_epochs: int
    num_steps: int
    train_minutes: float
    steps_per_epoch: int
    learning_rate: float
    backbone_lr_factor: float
    fresh_lr_factor: float
    lr_warmup_init: float
    lr_warmup_epoch: float
    lr_decay_method: str
    first_lr_drop_epoch: float
    second_lr_drop_epoch: float
    poly_lr_power: float
    # optimizer
    optimizer: str
    momentum: float
    nesterov: bool
    weight_decay: float
    clip_gradients_norm: float
    moving_average_decay: float
    gradient_accumulation_steps: int
    freeze: str
    freeze_bn: str
    # augmentation
    input_rand_hflip: bool
    jitter_min: float | None
    jitter_max: float | None
    autoaugment_policy: str
    grid_mask: bool
    cutout: float
    mosaic: float
    mosaic_off_epochs: int
    brightness: float
    contrast: float
    saturation: float
    hue: float
    # detections
    nms_method: str
    nms_iou_threshold: float
    nms_sigma: float
    nms_score_threshold: float
    max_nms_inputs: int
    max_detections: int
    # devices
    strategy_type: str
    tpu: str
    precision: str
    num_gpus: int
    worker_hosts: str
    task_index: int | None
    job_name: str
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, str]:
        """Return each hyperparameter as the platform would write it, in the order of the table."""
        return {row.name: write_value(getattr(self, row.name)) for row in _OWN_ROWS}

    def to_json(self) -> str:
        """Return `as_dict` as indented JSON, to be kept beside a run."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2) + "\n"

    @property
    def with_masks(self) -> bool:
        """Whether the model gets a mask head: what `masks` says, and no where it says auto."""
        return self.masks == "true"

    @property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the hyperparameters that shape the trained model.

        `num_epochs` is not among them: it is a maximum.
        """
        written = self.as_dict()
        shaping = {row.name: written[row.name] for row in _OWN_ROWS if row.shapes_training}
        return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()

    def changes_since(self, earlier: Mapping[str, str]) -> tuple[str, ...]:
        """Return what differs from an earlier run among the hyperparameters that shape training.

        A name that the earlier run did not know is left out, because a new version may add
        hyperparameters. Another division of the same number of pictures per step is left out too:
        that is how a run continues that had too little memory.

        Args:
            earlier: `as_dict` of the earlier run.

        Returns:
            One text "name: 'before' -> 'now'" for each difference, in the order of the table.
        """
        now = self.as_dict()
        divided = _pictures(now) == _pictures({**now, **earlier})
        names = (
            row.name
            for row in _OWN_ROWS
            if row.shapes_training
            and row.name in earlier
            and not (divided and row.name in _DIVISION)
        )
        return tuple(
            f"{name}: '{earlier[name]}' -> '{now[name]}'"
            for name in names
            if earlier[name] != now[name]
        )


def _pictures(given: Mapping[str, str]) -> int:
    return math.prod(int(given[name]) for name in _DIVISION)
