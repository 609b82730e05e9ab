"""What must stand in two places, as one cannot import the other: each pair is compared by name.

A place is a file and an expression of its names, read without importing it: TensorFlow would come
along, and the handler of the service is loaded on its own.
"""

import argparse
import ast
import functools
from pathlib import Path
from types import SimpleNamespace

import pytest

from algorithm.cli.data.data_sample import VERB as SAMPLE
from algorithm.cli.data.data_split import VERB as SPLIT
from algorithm.data.conversion.split_copy import parse_fractions
from algorithm.hyperparameters import ROWS
from algorithm.migration.cloud_tpu_settings import BY_KEY
from algorithm.models.zoo import PRESETS
from algorithm.ops.anchors import ASPECT_RATIOS, SCALES_PER_OCTAVE

PROJECT = Path(__file__).parents[1]
HANDLER, DETECTIONS = "customize_service/customize_service.py", "algorithm/ops/detections.py"
LOCAL_MODEL, INDEX = "customize_service/local_model.py", "algorithm/modelarts/model_index.py"
MATCHING = "algorithm/ops/anchor_matching.py"
PIPELINE = "algorithm/migration/pipeline_settings.py"
ANCHORS, ZOO = "algorithm/ops/anchors.py", "algorithm/models/zoo.py"
SUGGESTIONS = "algorithm/data/checking/suggestions.py"
LOSSES, SOFT_LOSSES = "algorithm/ops/losses.py", "algorithm/distillation/soft_losses.py"
TRAINER, SCHEDULE = "algorithm/training/trainer.py", "algorithm/training/schedule.py"
LIMITS, RUN_FOLDER = "algorithm/serving/limits.py", "algorithm/jobs/outputs/run_folder.py"
PRECISION = "algorithm/training/devices/precision.py"
SAVED_MODEL, SOURCE = "algorithm/export/saved_model.py", "algorithm/export/formats/source.py"
ASSESSED = "algorithm/assessment/assessed_model.py"

TWINS = (
    # of the algorithm
    (MATCHING, "MATCH_IOU", "algorithm/data/checking/box_table.py", "MATCH"),
    ("algorithm/jobs/freezing.py", "SMALLEST_BATCH_FOR_STATISTICS",
     "algorithm/migration/pipeline_training.py", "_SMALLEST_BATCH_FOR_STATISTICS"),
    ("algorithm/jobs/freezing.py", "SMALLEST_BATCH_FOR_STATISTICS", SUGGESTIONS, "LEAST_BATCH"),
    ("algorithm/evaluation/average_precision.py", "MAX_DETECTIONS[-1]",
     "algorithm/data/checking/check_warnings.py", "COCO_DETECTIONS"),
    (ZOO, "Preset.anchor_scale", ANCHORS, "anchor_grid.anchor_scale"),
    (ZOO, "Preset.min_level", ANCHORS, "anchor_grid.min_level"),
    (ZOO, "Preset.max_level", ANCHORS, "anchor_grid.max_level"),
    (ZOO, "Preset.max_level", SUGGESTIONS, "ModelChoice.max_level"),
    ("algorithm/data/readers/pictures/picture_lookup.py", "PICTURE_SUFFIXES",
     "algorithm/jobs/outputs/train_url_refusal.py", "_ENDINGS"),
    (INDEX, "FULL_DEPTH", "algorithm/data/feeding/decoding.py", "FULL_DEPTH"),
    (INDEX, "FULL_DEPTH", "algorithm/data/sample.py", "Sample.bit_depth"),
    (PRECISION, "POLICIES", "algorithm/benchmark/cases.py", "POLICIES"),
    (ZOO, "Preset.min_level", PIPELINE, "ALWAYS[_ANCHORS + 'min_level'][0]"),
    (ZOO, "Preset.max_level", PIPELINE, "ALWAYS[_ANCHORS + 'max_level'][0]"),
    (ANCHORS, "ASPECT_RATIOS", PIPELINE, "ALWAYS[_ANCHORS + 'aspect_ratios'][0]"),
    (MATCHING, "MATCH_IOU", PIPELINE, "ALWAYS[_MATCHER + 'matched_threshold'][0]"),
    (MATCHING, "MATCH_IOU", PIPELINE, "ALWAYS[_MATCHER + 'unmatched_threshold'][0]"),
    # names of files and outputs
    (RUN_FOLDER, "JOB_FILE", "algorithm/assessment/advice/next_job.py", "JOB_FILE"),
    (RUN_FOLDER, "JOB_FILE", "algorithm/serving/model_title.py", "JOB"),
    ("algorithm/assessment/report/result_files.py", "DISPLAY",
     "algorithm/local_platform/job_figures.py", "_DISPLAY"),
    ("algorithm/data/cleaning/cleaned_copy.py", "PATH_MAP",
     "algorithm/assessment/observation.py", "PATH_MAP"),
    (SAVED_MODEL, "MASKS", ASSESSED, "MASK_SIGNATURE"),
    (SAVED_MODEL, "_BOX_OUTPUTS", "algorithm/distillation/teacher_file.py", "_OUTPUTS"),
    (SOURCE, "OUTPUTS", ASSESSED, "OUTPUTS"),
    (SOURCE, "MASK_OUTPUT", ASSESSED, "MASK_OUTPUT"),
    # of the handler that a model folder carries
    (HANDLER, "SCORE_THRESHOLD", "algorithm/modelarts/exported_file.py", "CONFIDENCE"),
    (HANDLER, "SOFT", LOCAL_MODEL, "SOFT"),
    (HANDLER, "SOFT", SAVED_MODEL, "SOFT"),
    ("customize_service/pictures.py", "FULL_DEPTH", INDEX, "FULL_DEPTH"),
    (LOCAL_MODEL, "RETRY_SECONDS", LIMITS, "LOADING_RETRY_SECONDS"),
    (LOCAL_MODEL, "LOAD_WAIT_SECONDS", LIMITS, "START_WAIT_SECONDS"),
    ("customize_service/request_fields.py", "2 * MAX_PICTURES", LIMITS, "FORM_PARTS_LIMIT"),
)  # fmt: skip

# The defaults of hyperparameters that other rooms repeat for their own callers.
DEFAULTS = (
    ("nms_method", DETECTIONS, "NmsConfig.method"),
    ("nms_iou_threshold", DETECTIONS, "NmsConfig.iou_threshold"),
    ("nms_iou_threshold", HANDLER, "NMS_IOU"),
    ("nms_sigma", DETECTIONS, "NmsConfig.sigma"),
    ("nms_score_threshold", DETECTIONS, "NmsConfig.score_threshold"),
    ("max_nms_inputs", DETECTIONS, "NmsConfig.max_inputs"),
    ("max_detections", DETECTIONS, "NmsConfig.max_detections"),
    ("alpha", LOSSES, "LossConfig.alpha"),
    ("gamma", LOSSES, "LossConfig.gamma"),
    ("delta", LOSSES, "LossConfig.delta"),
    ("label_smoothing", LOSSES, "LossConfig.label_smoothing"),
    ("box_loss_weight", LOSSES, "LossConfig.box_loss_weight"),
    ("iou_loss_type", LOSSES, "LossConfig.iou_loss_type"),
    ("iou_loss_weight", LOSSES, "LossConfig.iou_loss_weight"),
    ("mask_loss_weight", LOSSES, "LossConfig.mask_loss_weight"),
    ("kd_method", SOFT_LOSSES, "SoftLossConfig.method"),
    ("soft_cls_loss", SOFT_LOSSES, "SoftLossConfig.class_weight"),
    ("soft_box_loss", SOFT_LOSSES, "SoftLossConfig.box_weight"),
    ("delta", SOFT_LOSSES, "SoftLossConfig.delta"),
    ("weight_decay", TRAINER, "TrainConfig.weight_decay"),
    ("clip_gradients_norm", TRAINER, "TrainConfig.clip_norm"),
    ("precision", TRAINER, "TrainConfig.precision"),
    ("gradient_checkpointing", TRAINER, "TrainConfig.recompute"),
    ("lr_warmup_init", SCHEDULE, "ScheduleConfig.warmup_init"),
    ("lr_warmup_epoch", SCHEDULE, "ScheduleConfig.warmup_epochs"),
    ("lr_decay_method", SCHEDULE, "ScheduleConfig.decay"),
    ("first_lr_drop_epoch", SCHEDULE, "ScheduleConfig.first_drop_epoch"),
    ("second_lr_drop_epoch", SCHEDULE, "ScheduleConfig.second_drop_epoch"),
    ("poly_lr_power", SCHEDULE, "ScheduleConfig.power"),
    ("bit_depth", INDEX, "FULL_DEPTH"),
)  # fmt: skip

# What descriptions of hyperparameters say in words or digits.
WORDS = {0.1: "a tenth", 0.2: "a fifth", 0.25: "a quarter"}
SAID = (
    ("optimizer", "sgd for {} pictures", "algorithm/training/optimizers.py", "SMALLEST_SGD_BATCH"),
    ("mode", "learns {} pictures", "algorithm/training/overfit.py", "PICTURES"),
    ("image_size", "multiples of {} ", ANCHORS, "BACKBONE_STRIDE"),
    ("optimizer", "{} of learning_rate,", "algorithm/hyperparameters/learning_rate.py", "ADAM_SHARE"),
    ("optimizer", "{} with use_online_kd", "algorithm/hyperparameters/learning_rate.py", "2 * ADAM_SHARE"),
    ("freeze_bn", "fewer than {} pictures", "algorithm/jobs/freezing.py", "SMALLEST_BATCH_FOR_STATISTICS"),
    ("eval_last", "0 for {} chosen", "algorithm/data/split.py", "EVAL_SHARE"),
    ("soft_cls_loss", "{} of it", "algorithm/distillation/job_distillation.py", "PEER_CLASS_TRUST"),
    ("soft_box_loss", "{} of it", "algorithm/distillation/job_distillation.py", "PEER_BOX_TRUST"),
)  # fmt: skip

RETINANET = PRESETS["retinanet-resnet50"]
# The only values that the command of the Cloud TPU tutorial may give: those of the network here.
OF_THE_NETWORK = {
    "architecture.min_level": RETINANET.min_level,
    "architecture.max_level": RETINANET.max_level,
    "anchor.num_scales": SCALES_PER_OCTAVE,
    "anchor.aspect_ratios": [*ASPECT_RATIOS],
    "norm_activation.batch_norm_momentum": RETINANET.batch_norm.momentum,
    "norm_activation.batch_norm_epsilon": RETINANET.batch_norm.epsilon,
    "fpn.fpn_feat_dims": RETINANET.fpn_channels,
    "retinanet_head.num_convs": RETINANET.head_repeats,
    "retinanet_head.num_filters": RETINANET.fpn_channels,
}


@functools.cache
def names_of(file: str) -> dict:
    """The constants of a file, the defaults of its classes' fields and of its functions' arguments."""
    names: dict = {}
    for node in ast.parse((PROJECT / file).read_text("utf-8")).body:
        if isinstance(node, ast.AnnAssign) and node.value:
            names |= values([(node.target, node.value)], names)
        elif isinstance(node, ast.Assign):
            (target,) = node.targets
            many = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
            pairs = (
                zip(target.elts, node.value.elts, strict=True) if many else [(target, node.value)]
            )
            names |= values(pairs, names)
        elif isinstance(node, ast.ClassDef):
            fields = [each for each in node.body if isinstance(each, ast.AnnAssign) and each.value]
            given = values(((each.target, each.value) for each in fields), names)
            names[node.name] = SimpleNamespace(**given)
        elif isinstance(node, ast.FunctionDef):
            arguments, defaults = node.args.args, node.args.defaults
            pairs = [*zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True)]
            pairs += zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            names[node.name] = SimpleNamespace(
                **values(((ast.Name(left.arg), right) for left, right in pairs if right), names)
            )
    return names


def values(pairs, names: dict) -> dict:
    """What can be computed from literals and from the names before."""
    found = {}
    for target, value in pairs:
        nodes = [*ast.walk(value)]
        known = {node.id for node in nodes if isinstance(node, ast.Name)} <= names.keys()
        calls = any(isinstance(node, ast.Call) for node in nodes)
        if isinstance(target, ast.Name) and known and not calls:
            found[target.id] = evaluated(ast.unparse(value), names)
    return found


def evaluated(expression: str, names: dict):
    return eval(expression, {"__builtins__": {}}, names)  # noqa: S307  of this repository


@pytest.mark.parametrize(("file", "name", "other", "twin"), TWINS)
def test_twins_are_alike(file, name, other, twin):
    assert evaluated(name, names_of(file)) == evaluated(twin, names_of(other))


@pytest.mark.parametrize(("row", "file", "name"), DEFAULTS)
def test_a_default_is_that_of_the_hyperparameter(row, file, name):
    assert evaluated(name, names_of(file)) == ROWS[row].default


@pytest.mark.parametrize(("row", "words", "file", "name"), SAID)
def test_a_description_says_the_number_of_the_code(row, words, file, name):
    number = evaluated(name, names_of(file))
    assert words.format(WORDS.get(number, number)) in ROWS[row].english


@pytest.mark.parametrize(("key", "value"), OF_THE_NETWORK.items())
def test_the_tutorials_network_is_the_network_here(key, value):
    assert BY_KEY[key].only == (value,)


def flag_default(verb, name: str):
    parser = argparse.ArgumentParser()
    verb.add_flags(parser)
    return parser.get_default(name)


def test_the_split_of_data_split_is_that_of_a_job():
    share = names_of("algorithm/data/split.py")["EVAL_SHARE"]
    assert parse_fractions(flag_default(SPLIT, "fractions")) == (1 - share, share)


def test_pictures_of_data_sample_are_as_large_as_those_of_the_function():
    scenes = names_of("algorithm/data/synthetic/scenes.py")
    assert flag_default(SAMPLE, "size") == scenes["write_sample_dataset"].size
