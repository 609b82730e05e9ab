"""Keys of hparams in the published implementation that are written otherwise here.

Source: efficientdet/hparams_config.py of google/automl, several versions. Keys of the same name and
meaning are rows of the hyperparameter table. Other names that people write are in MEANT.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from algorithm.errors import ArgumentError
from algorithm.hyperparameters.learning_rate import REFERENCE_BATCH

_SWITCH = {"true": "True", "1": "True", "false": "False", "0": "False"}
_BY_MODEL = "model_name says it"
_BY_DATA = "the classes are those of the dataset"
_BY_TYPE = "fine_tune_checkpoint_type says what is taken of the starting weights"
_OWN = "this package decides it by itself"


@dataclass(frozen=True)
class PublishedKey:
    """One key of the published implementation.

    Attributes:
        name: The key there.
        ours: The hyperparameter that it is here, or "" where it has no counterpart.
        values: Our text for each of its texts, in lower case; empty: the same text.
        only: Without a counterpart, the texts in lower case that are followed anyhow; empty: it
            does not matter for what is trained.
        why: What takes its place, for the log or the error.
    """

    name: str
    ours: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    why: str = ""


_NEVER = ("",)  # no text is possible
_KEYS = (
    PublishedKey("use_bfloat16", "precision", {**dict.fromkeys(("true", "1"), "bfloat16"),
                 **dict.fromkeys(("false", "0"), "float32")}),
    PublishedKey("mixed_precision", "precision", {**dict.fromkeys(("true", "1"), "float16"),
                 **dict.fromkeys(("false", "0"), "float32")}, why="bfloat16 suits a TPU better"),
    PublishedKey("train_scale_min", "jitter_min"),
    PublishedKey("train_scale_max", "jitter_max"),
    PublishedKey("grad_checkpoint", "gradient_checkpointing", _SWITCH),
    PublishedKey("tf_random_seed", "seed"),
    PublishedKey("strategy", "strategy_type", {"tpu": "tpu", "gpus": "mirrored", "none": "auto"}),
    PublishedKey("is_training_bn", "freeze_bn", {"true": "false", "false": "true"}),
    PublishedKey("nms_configs.method", "nms_method"),
    PublishedKey("nms_configs.iou_thresh", "nms_iou_threshold"),
    PublishedKey("nms_configs.score_thresh", "nms_score_threshold"),
    PublishedKey("nms_configs.sigma", "nms_sigma"),
    PublishedKey("nms_configs.max_nms_inputs", "max_nms_inputs"),
    PublishedKey("nms_configs.max_output_size", "max_detections"),
    *(PublishedKey(name, why=_BY_DATA) for name in ("num_classes", "label_map")),
    *(PublishedKey(name, why=_BY_TYPE) for name in
      ("ckpt_var_scope", "skip_mismatch", "var_exclude_expr")),
    *(PublishedKey(name, why=_OWN) for name in
      ("nms_configs.pyfunc", "regenerate_source_id", "data_format", "use_keras_model", "verbose",
       "each_epoch_in_separate_process", "dataset_type", "drop_remainder", "sample_image",
       "use_native_resize_op", "seg_num_classes", "loss_scale")),
    PublishedKey("img_summary_steps", why="pictures go to TensorBoard at every evaluation"),
    PublishedKey("save_freq", why="a checkpoint follows every epoch, and checkpoint_minutes"),
    PublishedKey("map_freq", why="mode says when evaluations are made"),
    PublishedKey("tflite_max_detections", why="max_detections says it"),
    PublishedKey("skip_crowd_during_training", only=("true", "1"),
                 why="crowd regions are no objects and no background here"),
    PublishedKey("min_level", only=("3",), why="every network begins at level 3"),
    PublishedKey("num_scales", only=("3",), why="every network has 3"),
    PublishedKey("use_augmix", only=("false", "0"), why="there is no AugMix here"),
    PublishedKey("augmix_params", only=_NEVER, why="there is no AugMix here"),
    PublishedKey("heads", only=("object_detection",), why="there is no other head here"),
    PublishedKey("target_size", only=("none",), why="image_size says it"),
    PublishedKey("positives_momentum", only=("none", "0"), why="each step counts its own"),
    PublishedKey("model_optimizations", only=("none",), why="there is no pruning here"),
    PublishedKey("separable_conv", only=("true", "1"), why=_BY_MODEL),
    PublishedKey("apply_bn_for_resampling", only=("true", "1"), why=_BY_MODEL),
    *(PublishedKey(name, only=("false", "0"), why=_BY_MODEL) for name in
      ("conv_after_downsample", "conv_bn_act_pattern", "conv_bn_relu_pattern", "scale_range")),
    *(PublishedKey(name, only=("none",), why=_BY_MODEL) for name in
      ("backbone_config", "fpn_config", "fpn_name", "fpn_weight_method", "pooling_type")),
    *(PublishedKey(name, only=_NEVER, why=_BY_MODEL) for name in
      ("act_type", "aspect_ratios", "backbone_name", "box_class_repeats", "fpn_cell_repeats",
       "fpn_num_filters", "max_level", "mean_rgb", "name", "resnet_depth", "stddev_rgb")),
)  # fmt: skip
PUBLISHED = {key.name: key for key in _KEYS}
# Where the published default is None, the hyperparameter of the same name has an empty text.
_NONE = ("autoaugment_policy", "iou_loss_type", "survival_prob", "var_freeze_expr")
# A rate of another system is for that system's batch.
RATE_IS_SCALED = (
    f"learning_rate here is for {REFERENCE_BATCH} pictures in a step and is scaled to the real "
    "number"
)
SCALED_RATE = f"RATE*{REFERENCE_BATCH}/BATCH"


@dataclass(frozen=True)
class Taken:
    """What a published key became here.

    Attributes:
        key: The hyperparameter, or "" where there is nothing to set.
        text: Its text.
        line: What to log.
    """

    key: str
    text: str
    line: str


def taken(name: str, text: str) -> Taken | None:
    """Translate a key of the published implementation.

    Args:
        name: The key.
        text: Its value.

    Returns:
        What it became; None for a key that is not written otherwise here.

    Raises:
        ArgumentError: The value cannot be followed here.
    """
    if name in _NONE and text.lower() == "none":
        return Taken(name, "", f"hparams: {name}={text} taken as an empty {name}")
    key, said = PUBLISHED.get(name), f"{name}={text}"
    if key is None:
        return None
    if not key.ours:
        if key.only and text.lower() not in key.only:
            possible = f"expected {key.only[0]}" if key.only[0] else "it has no counterpart here"
            raise ArgumentError(
                f"--hparams: {possible} for the published key '{name}', found '{text}': {key.why}. "
                "Leave it out."
            )
        return Taken("", "", f"hparams: {said} has no counterpart here and no effect ({key.why})")
    ours = key.values.get(text.lower()) if key.values else text
    if text.lower() == "none" and not key.values or (key.ours, text) == ("max_nms_inputs", "0"):
        ours = ""
    if ours is None:
        raise ArgumentError(
            f"--hparams: expected one of {', '.join(key.values)} for the published key '{name}', "
            f"found '{text}'. Here it is {key.ours}."
        )
    advice = f" ({key.why})" if key.why else ""
    return Taken(key.ours, ours, f"hparams: {said} taken as {key.ours}={ours or 'default'}{advice}")
