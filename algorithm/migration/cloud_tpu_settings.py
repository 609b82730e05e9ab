"""Every setting of the Cloud TPU RetinaNet tutorial's program.

Each has its published default and what it is here. Source:
official/legacy/detection/configs/base_config.py and retinanet_config.py of tensorflow/models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_BY_STRATEGY = "the flags of this command say it"
_OWN_PIPELINE = "the input pipeline here decides by itself"


@dataclass(frozen=True)
class Setting:
    """One setting of the tutorial's program.

    A setting without `name`, `only` and `why` is translated together with others.

    Attributes:
        key: The dotted key.
        default: The published default.
        name: The hyperparameter that it is, or "".
        only: The values that are possible here, empty for any.
        why: Why it has no effect here, or "".
    """

    key: str
    default: Any
    name: str = ""
    only: tuple[Any, ...] = ()
    why: str = ""


SETTINGS: tuple[Setting, ...] = (
    Setting("type", "retinanet", only=("retinanet",)),
    Setting("model_dir", ""),
    Setting("use_tpu", True, why=_BY_STRATEGY),
    Setting("strategy_type", "tpu", why=_BY_STRATEGY),
    Setting("isolate_session_state", False, why="there are no sessions"),
    Setting("enable_summary", True, only=(True,)),
    Setting("train.iterations_per_loop", 100),
    Setting("train.batch_size", 64),
    Setting("train.total_steps", 22500),
    Setting("train.num_cores_per_replica", None, only=(None,)),
    Setting("train.input_partition_dims", None, only=(None,)),
    Setting("train.optimizer.type", "momentum"),
    Setting("train.optimizer.momentum", 0.9, "momentum"),
    Setting("train.optimizer.nesterov", True, "nesterov"),
    Setting("train.learning_rate.type", "step"),
    Setting("train.learning_rate.warmup_learning_rate", 0.0067),
    Setting("train.learning_rate.warmup_steps", 500),
    Setting("train.learning_rate.init_learning_rate", 0.08),
    Setting("train.learning_rate.learning_rate_levels", [0.008, 0.0008]),
    Setting("train.learning_rate.learning_rate_steps", [15000, 20000]),
    Setting("train.checkpoint.path", ""),
    Setting("train.checkpoint.prefix", ""),
    Setting(
        "train.checkpoint.skip_checkpoint_variables",
        "",
        why="fine_tune_checkpoint_type says what is taken",
    ),
    Setting("train.frozen_variable_prefix", ""),
    Setting("train.train_file_pattern", ""),
    Setting(
        "train.train_dataset_type", "tfrecord", why="the form of the data is recognised by content"
    ),
    Setting("train.transpose_input", False, why=_OWN_PIPELINE),
    Setting(
        "train.regularization_variable_regex",
        r".*(kernel|weight):0$",
        only=(r".*(kernel|weight):0$",),
    ),
    Setting("train.l2_weight_decay", 0.0001, "weight_decay"),
    Setting("train.gradient_clip_norm", 0.0, "clip_gradients_norm"),
    Setting("train.input_sharding", False, why=_OWN_PIPELINE),
    Setting("eval.input_sharding", True, why=_OWN_PIPELINE),
    Setting("eval.batch_size", 8, "eval_batch_size"),
    Setting("eval.eval_samples", 5000, why="all pictures for evaluation are evaluated"),
    Setting(
        "eval.min_eval_interval",
        180,
        why="an evaluation follows every checkpoint with mode=train_and_eval",
    ),
    Setting(
        "eval.eval_timeout",
        None,
        why="an evaluation follows every checkpoint with mode=train_and_eval",
    ),
    Setting("eval.num_steps_per_eval", 1000, why="train.iterations_per_loop says it"),
    Setting("eval.type", "box", only=("box",)),
    Setting("eval.use_json_file", True, why="the records hold the same boxes as the JSON file"),
    Setting("eval.val_json_file", ""),
    Setting("eval.eval_file_pattern", ""),
    Setting(
        "eval.eval_dataset_type", "tfrecord", why="the form of the data is recognised by content"
    ),
    Setting(
        "eval.num_images_to_visualize", 0, why="four pictures go to TensorBoard at every evaluation"
    ),
    Setting("predict.batch_size", 8, why="eval.batch_size says it"),
    Setting("architecture.parser", "retinanet_parser", only=("retinanet_parser",)),
    Setting("architecture.backbone", "resnet", only=("resnet",)),
    Setting("architecture.min_level", 3, only=(3,)),
    Setting("architecture.max_level", 7, only=(7,)),
    Setting("architecture.multilevel_features", "fpn", only=("fpn",)),
    Setting("architecture.use_bfloat16", True),
    Setting("architecture.num_classes", 91, why="the classes are those of the data"),
    Setting("anchor.num_scales", 3, only=(3,)),
    Setting("anchor.aspect_ratios", [1.0, 2.0, 0.5], only=([1.0, 2.0, 0.5],)),
    Setting("anchor.anchor_size", 4.0, "anchor_scale"),
    Setting("norm_activation.activation", "relu", only=("relu",)),
    Setting("norm_activation.batch_norm_momentum", 0.997, only=(0.997,)),
    Setting("norm_activation.batch_norm_epsilon", 1e-4, only=(1e-4,)),
    Setting("norm_activation.batch_norm_trainable", True),
    Setting("norm_activation.use_sync_bn", False, why="each device has its own statistics"),
    Setting("resnet.resnet_depth", 50, only=(50, 101)),
    Setting("spinenet.model_id", "49", why="there is no SpineNet here"),
    Setting("fpn.fpn_feat_dims", 256, only=(256,)),
    Setting("fpn.use_separable_conv", False, only=(False,)),
    Setting("fpn.use_batch_norm", True, only=(True,)),
    Setting("postprocess.use_batched_nms", False, why="suppression is batched here"),
    Setting("postprocess.max_total_size", 100, "max_detections"),
    Setting("postprocess.nms_iou_threshold", 0.5, "nms_iou_threshold"),
    Setting("postprocess.score_threshold", 0.05, "nms_score_threshold"),
    Setting("postprocess.pre_nms_num_boxes", 5000, "max_nms_inputs"),
    Setting("retinanet_parser.output_size", [640, 640]),
    Setting("retinanet_parser.num_channels", 3, only=(3,)),
    Setting("retinanet_parser.match_threshold", 0.5, only=(0.5,)),
    Setting("retinanet_parser.unmatched_threshold", 0.5, only=(0.5,)),
    Setting("retinanet_parser.aug_rand_hflip", True, "input_rand_hflip"),
    Setting("retinanet_parser.aug_scale_min", 1.0, "jitter_min"),
    Setting("retinanet_parser.aug_scale_max", 1.0, "jitter_max"),
    Setting("retinanet_parser.use_autoaugment", False),
    Setting("retinanet_parser.autoaugment_policy_name", "v0"),
    Setting("retinanet_parser.skip_crowd_during_training", True, only=(True,)),
    Setting("retinanet_parser.max_num_instances", 100, "max_instances_per_image"),
    Setting("retinanet_head.num_convs", 4, only=(4,)),
    Setting("retinanet_head.num_filters", 256, only=(256,)),
    Setting("retinanet_head.use_separable_conv", False, only=(False,)),
    Setting("retinanet_loss.focal_loss_alpha", 0.25, "alpha"),
    Setting("retinanet_loss.focal_loss_gamma", 1.5, "gamma"),
    Setting("retinanet_loss.huber_loss_delta", 0.1, "delta"),
    Setting("retinanet_loss.box_loss_weight", 50, "box_loss_weight"),
)
BY_KEY = {setting.key: setting for setting in SETTINGS}
