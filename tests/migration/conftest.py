"""pipeline.config files with the published settings, written here from their values.

Source of the values: ssd_efficientdet_d0_512x512_coco17_tpu-8, ssd_efficientdet_d3_896x896_coco17_tpu-32 and
ssd_resnet50_v1_fpn_640x640_coco17_tpu-8 in research/object_detection/configs/tf2 of tensorflow/models.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

TEXT = """
model {{ ssd {{
  inplace_batchnorm_update: true  freeze_batchnorm: false  num_classes: 90  encode_background_as_zeros: true
  box_coder {{ faster_rcnn_box_coder {{ y_scale: 10.0 x_scale: 10.0 height_scale: 5.0 width_scale: 5.0 }} }}
  matcher {{ argmax_matcher {{ matched_threshold: 0.5 unmatched_threshold: 0.5 ignore_thresholds: false
    negatives_lower_than_unmatched: true force_match_for_each_row: true use_matmul_gather: true }} }}
  similarity_calculator {{ iou_similarity {{ }} }}
  anchor_generator {{ multiscale_anchor_generator {{
    min_level: 3 max_level: 7 anchor_scale: 4.0 aspect_ratios: [1.0, 2.0, 0.5] scales_per_octave: {scales} }} }}
  image_resizer {{ {resizer} }}
  box_predictor {{ weight_shared_convolutional_box_predictor {{
    depth: {width} num_layers_before_predictor: {layers} kernel_size: 3 class_prediction_bias_init: -4.6
    conv_hyperparams {{ activation: {activation}, regularizer {{ l2_regularizer {{ weight: {decay} }} }}
      initializer {{ random_normal_initializer {{ stddev: 0.01 mean: 0.0 }} }}
      batch_norm {{ scale: true, decay: {momentum}, epsilon: 0.001, }} }} }} }}
  feature_extractor {{ type: '{kind}' {neck}
    conv_hyperparams {{ activation: {activation} regularizer {{ l2_regularizer {{ weight: {decay} }} }}
      initializer {{ truncated_normal_initializer {{ stddev: 0.03 mean: 0.0 }} }}
      batch_norm {{ scale: true, decay: {momentum}, epsilon: 0.001, }} }} }}
  loss {{ classification_loss {{ weighted_sigmoid_focal {{ alpha: 0.25 gamma: {gamma} }} }}
    localization_loss {{ weighted_smooth_l1 {{ }} }} classification_weight: 1.0 localization_weight: 1.0 }}
  normalize_loss_by_num_matches: true  normalize_loc_loss_by_codesize: true
  post_processing {{ batch_non_max_suppression {{ score_threshold: 1e-8 iou_threshold: {iou}
    max_detections_per_class: 100 max_total_detections: 100 }} score_converter: SIGMOID }}
}} }}
train_config: {{
  fine_tune_checkpoint: "PATH_TO_BE_CONFIGURED/ckpt-0"  # a comment
  fine_tune_checkpoint_version: V2  fine_tune_checkpoint_type: "classification"
  batch_size: {batch}  sync_replicas: true  startup_delay_steps: 0  replicas_to_aggregate: 8  use_bfloat16: true
  num_steps: {steps}
  data_augmentation_options {{ random_horizontal_flip {{ }} }}
  data_augmentation_options {{ {augmentation} }}
  optimizer {{ momentum_optimizer: {{ learning_rate: {{ cosine_decay_learning_rate {{
    learning_rate_base: {rate} total_steps: {steps} warmup_learning_rate: {warm} warmup_steps: {warm_steps} }} }}
    momentum_optimizer_value: 0.9 }} use_moving_average: false }}
  max_number_of_boxes: 100  unpad_groundtruth_tensors: false }}
train_input_reader: {{ label_map_path: "{data}/label_map.txt"
  tf_record_input_reader {{ input_path: "{data}/train2017-?????-of-00256.tfrecord" }} }}
eval_config: {{ metrics_set: "coco_detection_metrics" use_moving_averages: false batch_size: 1; }}
eval_input_reader: {{ label_map_path: "{data}/label_map.txt" shuffle: false num_epochs: 1
  tf_record_input_reader {{ input_path: "{data}/val2017-?????-of-00032.tfrecord" }} }}
"""


def _efficientdet(number: int, size: int, width: int, cells: int, layers: int) -> dict[str, object]:
    return {
        "kind": f"ssd_efficientnet-b{number}_bifpn_keras",
        "width": width,
        "layers": layers,
        "scales": 3,
        "neck": f"bifpn {{ min_level: 3 max_level: 7 num_iterations: {cells} num_filters: {width} }}",
        "resizer": f"keep_aspect_ratio_resizer {{ min_dimension: {size} max_dimension: {size} pad_to_max_dimension: true }}",
        "activation": "SWISH",
        "decay": 0.00004,
        "momentum": 0.99,
        "gamma": 1.5,
        "iou": 0.5,
        "batch": 128,
        "steps": 300000,
        "rate": "8e-2",
        "warm": ".001",
        "warm_steps": 2500,
        "augmentation": f"random_scale_crop_and_pad_to_square {{ output_size: {size} scale_min: 0.1 scale_max: 2.0 }}",
    }


MODELS = {
    "d0": _efficientdet(0, 512, 64, 3, 3),
    "d3": _efficientdet(3, 896, 160, 6, 4),
    "retinanet50": {
        "kind": "ssd_resnet50_v1_fpn_keras", "width": 256, "layers": 4, "scales": 2, "neck": "fpn { min_level: 3 max_level: 7 }",
        "resizer": "fixed_shape_resizer { height: 640 width: 640 }", "activation": "RELU_6", "decay": 0.0004, "momentum": 0.997,
        "gamma": 2.0, "iou": 0.6, "batch": 64, "steps": 25000, "rate": ".04", "warm": ".013333", "warm_steps": 2000,
        "augmentation": "random_crop_image { min_object_covered: 0.0 min_aspect_ratio: 0.75 max_aspect_ratio: 3.0 "
                        "min_area: 0.75 max_area: 1.0 overlap_thresh: 0.0 }"},
}  # fmt: skip


@pytest.fixture
def pipeline_config(tmp_path: Path) -> Callable[..., Path]:
    """Writes the published config of d0, d3 or retinanet50, with changed values where some are given."""

    def write(model: str, **changed: object) -> Path:
        path = tmp_path / "pipeline.config"
        path.write_text(
            TEXT.format(**{**MODELS[model], "data": "PATH_TO_BE_CONFIGURED", **changed})
        )
        return path

    return write
