"""Numbers that stand in two places which cannot import one another: each pair is compared by name.

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

PROJECT = Path(__file__).parents[1]
HANDLER, DETECTIONS = "customize_service/customize_service.py", "algorithm/ops/detections.py"
LOCAL_MODEL, INDEX = "customize_service/local_model.py", "algorithm/modelarts/model_index.py"
ANCHORS, ZOO = "algorithm/ops/anchors.py", "algorithm/models/zoo.py"
SUGGESTIONS = "algorithm/data/checking/suggestions.py"
LOSSES, SOFT_LOSSES = "algorithm/ops/losses.py", "algorithm/distillation/soft_losses.py"
TRAINER, SCHEDULE = "algorithm/training/trainer.py", "algorithm/training/schedule.py"
LIMITS = "algorithm/serving/limits.py"

TWINS = (
    # of the algorithm
    ("algorithm/ops/anchor_matching.py", "MATCH_IOU", "algorithm/data/checking/box_table.py", "MATCH"),
    ("algorithm/jobs/freezing.py", "SMALLEST_BATCH_FOR_STATISTICS",
     "algorithm/migration/pipeline_training.py", "_SMALLEST_BATCH_FOR_STATISTICS"),
    ("algorithm/evaluation/average_precision.py", "MAX_DETECTIONS[-1]",
     "algorithm/data/checking/check_warnings.py", "COCO_DETECTIONS"),
    (ZOO, "Preset.anchor_scale", ANCHORS, "anchor_grid.anchor_scale"),
    (ZOO, "Preset.min_level", ANCHORS, "anchor_grid.min_level"),
    (ZOO, "Preset.max_level", ANCHORS, "anchor_grid.max_level"),
    (ZOO, "Preset.max_level", SUGGESTIONS, "ModelChoice.max_level"),
    (INDEX, "FULL_DEPTH", "algorithm/data/feeding/decoding.py", "FULL_DEPTH"),
    (INDEX, "FULL_DEPTH", "algorithm/data/sample.py", "Sample.bit_depth"),
    # of the handler that a model folder carries
    (HANDLER, "SCORE_THRESHOLD", "algorithm/modelarts/exported_file.py", "CONFIDENCE"),
    (HANDLER, "SOFT", LOCAL_MODEL, "SOFT"),
    (HANDLER, "SOFT", "algorithm/export/saved_model.py", "SOFT"),
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
    ("optimizer", "{} of learning_rate,", "algorithm/training/optimizers.py", "ADAM_SHARE"),
    ("optimizer", "{} with use_online_kd", "algorithm/training/optimizers.py", "2 * ADAM_SHARE"),
    ("eval_last", "0 for {} chosen", "algorithm/data/split.py", "EVAL_SHARE"),
    ("soft_cls_loss", "{} of it", "algorithm/distillation/job_distillation.py", "PEER_CLASS_TRUST"),
    ("soft_box_loss", "{} of it", "algorithm/distillation/job_distillation.py", "PEER_BOX_TRUST"),
)  # fmt: skip


@functools.cache
def names_of(file: str) -> dict:
    """The constants of a file, the defaults of its classes' fields and of its functions' arguments."""
    names: dict = {}
    for node in ast.parse((PROJECT / file).read_text("utf-8")).body:
        if isinstance(node, ast.Assign):
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
