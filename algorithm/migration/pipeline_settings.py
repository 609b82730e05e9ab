"""Every field of a TFOD pipeline.config that alone decides something here.

Source of names and meanings: object_detection/protos of tensorflow/models.
"""

from __future__ import annotations

from algorithm.hyperparameters import ROWS

SSD = "model.ssd."
NMS = f"{SSD}post_processing.batch_non_max_suppression."
FOCAL = f"{SSD}loss.classification_loss.weighted_sigmoid_focal."
_BOX_LOSS = (
    f"delta={ROWS['delta'].default:g} and box_loss_weight={ROWS['box_loss_weight'].default:g}"
)

# Fields that mean the same here, with the hyperparameter's name.
SAME: dict[str, str] = {
    f"{FOCAL}alpha": "alpha",
    f"{FOCAL}gamma": "gamma",
    f"{NMS}score_threshold": "nms_score_threshold",
    f"{NMS}iou_threshold": "nms_iou_threshold",
    f"{NMS}max_total_detections": "max_detections",
    f"{SSD}anchor_generator.multiscale_anchor_generator.anchor_scale": "anchor_scale",
    "train_config.max_number_of_boxes": "max_instances_per_image",
    "eval_config.batch_size": "eval_batch_size",
}

# Fields whose value is what is done here in any case; another value is said to be taken
# differently, and why.
_ANCHORS, _MATCHER = (
    f"{SSD}anchor_generator.multiscale_anchor_generator.",
    f"{SSD}matcher.argmax_matcher.",
)
ALWAYS: dict[str, tuple[object, str]] = {
    f"{_ANCHORS}min_level": (3, "the levels are 3 to 7"),
    f"{_ANCHORS}max_level": (7, "the levels are 3 to 7"),
    f"{_ANCHORS}aspect_ratios": ((1.0, 2.0, 0.5), "the anchors have the ratios 1, 2 and 1/2"),
    f"{_MATCHER}matched_threshold": (0.5, "an anchor is an object's from IoU 0.5 on"),
    f"{_MATCHER}unmatched_threshold": (0.5, "an anchor is background below IoU 0.5"),
    f"{_MATCHER}ignore_thresholds": (False, "the thresholds hold"),
    f"{_MATCHER}negatives_lower_than_unmatched": (True, "an anchor is background below IoU 0.5"),
    f"{_MATCHER}force_match_for_each_row": (True, "every object gets its best anchor"),
    f"{SSD}similarity_calculator.iou_similarity": ({}, "anchors are matched by IoU"),
    f"{SSD}normalize_loss_by_num_matches": (
        True,
        "losses are divided by the number of matched anchors",
    ),
    f"{SSD}normalize_loc_loss_by_codesize": (True, "the box loss is divided by 4"),
    f"{SSD}encode_background_as_zeros": (True, "background has no output of its own"),
    f"{SSD}add_background_class": (False, "background has no output of its own"),
    f"{SSD}post_processing.score_converter": ("SIGMOID", "scores are sigmoids"),
    f"{SSD}loss.classification_weight": (1.0, "the class loss has weight 1"),
    f"{SSD}loss.localization_weight": (1.0, "box_loss_weight says it"),
    f"{SSD}feature_extractor.bifpn.min_level": (3, "the levels are 3 to 7"),
    f"{SSD}feature_extractor.bifpn.max_level": (7, "the levels are 3 to 7"),
    f"{SSD}feature_extractor.fpn.min_level": (3, "the levels are 3 to 7"),
    f"{SSD}feature_extractor.fpn.max_level": (7, "the levels are 3 to 7"),
    f"{SSD}feature_extractor.depth_multiplier": (1.0, "the backbone is not scaled"),
    f"{SSD}box_predictor.weight_shared_convolutional_box_predictor.kernel_size": (
        3,
        "heads have 3x3 convolutions",
    ),
    "train_config.sync_replicas": (True, "replicas move together"),
    "train_config.startup_delay_steps": (0, "replicas start together"),
    "eval_config.metrics_set": ("coco_detection_metrics", "COCO's 12 figures"),
}

# Fields that are followed in another way, by the end of their path; the longest end that fits
# counts.
DIFFERENTLY: dict[str, str] = {
    "num_classes": "the classes are those of the data",
    "label_map_path": "the label map beside the records",
    "class_prediction_bias_init": "-4.595: every anchor starts as an object with probability 0.01",
    "activation": "the model's own activation",
    "scale": "batch norm has a scale",
    "decay": "the model's own batch norm, momentum 0.99 for EfficientDet and 0.997 for RetinaNet",
    "epsilon": "the model's own batch norm, epsilon 0.001 for EfficientDet and 0.0001 for "
    "RetinaNet",
    "stddev": "the model's published initialisation",
    "mean": "the model's published initialisation",
    "force_use_bias": "the model's own biases",
    "use_depthwise": "the model's own heads",
    "share_prediction_tower": "the model's own heads",
    "combine_method": "the model's own fusion",
    "override_base_feature_extractor_hyperparams": "the backbone has the same batch norm as the "
    "rest",
    "additional_layer_depth": "the model's own neck",
    "weighted_smooth_l1": f"{_BOX_LOSS}, which is near it: boxes are not coded "
    "10 and 5 times as large",
    "y_scale": f"{_BOX_LOSS} stand for it",
    "x_scale": f"{_BOX_LOSS} stand for it",
    "height_scale": f"{_BOX_LOSS} stand for it",
    "width_scale": f"{_BOX_LOSS} stand for it",
    "fine_tune_checkpoint_version": "files are recognised by content",
    "replicas_to_aggregate": "all replicas",
    "pad_to_max_dimension": "pictures are padded to the network's size",
    "total_steps": "num_steps says it",
    "eval_config.use_moving_averages": "the averages are evaluated where there are any",
    "min_object_covered": "jitter takes the place of crops",
    "min_aspect_ratio": "jitter keeps the shape of things",
    "max_aspect_ratio": "jitter keeps the shape of things",
    "overlap_thresh": "jitter takes the place of crops",
    "max_area": "jitter takes the place of crops",
    "output_size": "the network's size",
    "eval_input_reader.shuffle": "evaluation has no order",
    "eval_input_reader.num_epochs": "every picture is evaluated once",
}

# Fields without effect here, by the end of their path.
WITHOUT_EFFECT: dict[str, str] = {
    "inplace_batchnorm_update": "a detail of graph building",
    "use_matmul_gather": "a detail of TPU graphs",
    "max_detections_per_class": "only the detections of a picture are limited",
    "min_depth": "there is no depth multiplier",
    "unpad_groundtruth_tensors": "a detail of TPU graphs",
}


def by_ending(path: str, rows: dict[str, str]) -> str | None:
    """Return the row whose key is the path, or the longest that the path ends with after a dot."""
    fitting = [key for key in rows if path == key or path.endswith(f".{key}")]
    return rows[max(fitting, key=len)] if fitting else None
