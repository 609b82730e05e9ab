"""What other systems call the same thing: suggestions by meaning, where letters alone mislead."""

from __future__ import annotations

# A name that people know from elsewhere: what it is called here, the likeliest first. Flags of
# training jobs and of the other verbs stand together; whoever asks says which of them are known.
OTHER_NAMES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("data", "dataset", "data_dir", "data_path"), ("data_url",)),
    **dict.fromkeys(("source", "input", "image", "picture"), ("images", "data_url")),
    **dict.fromkeys(
        ("model", "arch", "architecture", "network", "backbone"), ("model_name", "model_dir")
    ),
    **dict.fromkeys(
        ("weights", "checkpoint", "ckpt", "backbone_ckpt"), ("pretrained", "model_dir")
    ),
    **dict.fromkeys(("model_path", "model_url", "saved_model"), ("model_dir", "pretrained")),
    **dict.fromkeys(("out", "output_dir", "save_dir", "project", "name"), ("output", "train_url")),
    **dict.fromkeys(
        ("epochs", "epoch", "max_epochs", "num_train_epochs", "train_epochs"), ("num_epochs",)
    ),
    **dict.fromkeys(
        ("steps", "max_steps", "num_train_steps", "total_steps", "train_steps"), ("num_steps",)
    ),
    **dict.fromkeys(("minutes", "max_minutes", "time_limit"), ("train_minutes",)),
    **dict.fromkeys(
        ("batch", "batch_size", "bs", "samples_per_gpu"), ("train_batch_size", "batch")
    ),
    **dict.fromkeys(
        ("imgsz", "img", "img_size", "input_size", "resolution", "size"), ("image_size",)
    ),
    **dict.fromkeys(("lr", "lr0", "base_lr", "init_lr", "base_learning_rate"), ("learning_rate",)),
    **dict.fromkeys(("patience", "early_stop", "early_stopping"), ("early_stop_patience",)),
    **dict.fromkeys(("device", "devices", "gpus", "ngpus"), ("num_gpus",)),
    **dict.fromkeys(("wd", "l2", "l2_weight", "regularization"), ("weight_decay",)),
    **dict.fromkeys(("ema", "ema_decay", "model_ema_decay"), ("moving_average_decay",)),
    **dict.fromkeys(("warmup", "warmup_epochs", "lr_warmup_epochs"), ("lr_warmup_epoch",)),
    **dict.fromkeys(
        ("scheduler", "lr_schedule", "cos_lr", "lr_scheduler", "schedule"), ("lr_decay_method",)
    ),
    **dict.fromkeys(("optim", "opt"), ("optimizer",)),
    **dict.fromkeys(("amp", "half", "fp16", "bf16", "mixed_precision", "bfloat16"), ("precision",)),
    **dict.fromkeys(
        ("accumulate", "grad_accum", "accumulation_steps"), ("gradient_accumulation_steps",)
    ),
    **dict.fromkeys(
        ("clip_grad", "grad_clip", "max_norm", "clip_norm", "max_grad_norm"),
        ("clip_gradients_norm",),
    ),
    **dict.fromkeys(("fliplr", "hflip", "flip", "horizontal_flip"), ("input_rand_hflip",)),
    **dict.fromkeys(("augment", "auto_augment", "augmentation"), ("autoaugment_policy",)),
    **dict.fromkeys(("hsv_h",), ("hue",)),
    **dict.fromkeys(("hsv_s",), ("saturation",)),
    **dict.fromkeys(("hsv_v",), ("brightness",)),
    **dict.fromkeys(
        ("conf", "conf_thres", "score_thr", "score_threshold", "score_thresh", "confidence"),
        ("score", "nms_score_threshold"),
    ),
    **dict.fromkeys(
        ("iou", "iou_thres", "nms_thr", "iou_threshold", "nms_threshold", "iou_thresh"),
        ("nms_iou_threshold",),
    ),
    **dict.fromkeys(("max_det", "topk", "max_boxes", "max_output_size"), ("max", "max_detections")),
    **dict.fromkeys(("save_period", "save_every"), ("checkpoint_minutes",)),
    **dict.fromkeys(("teacher",), ("teacher_model_url",)),
    **dict.fromkeys(("log_interval", "log_steps"), ("log_every_steps",)),
    **dict.fromkeys(("scale_min", "min_scale"), ("jitter_min",)),
    **dict.fromkeys(("scale_max", "max_scale"), ("jitter_max",)),
    **dict.fromkeys(("smoothing", "cls_smoothing"), ("label_smoothing",)),
    **dict.fromkeys(("focal_alpha", "alpha_focal"), ("alpha",)),
    **dict.fromkeys(("focal_gamma", "fl_gamma"), ("gamma",)),
    **dict.fromkeys(("huber_delta",), ("delta",)),
    **dict.fromkeys(("box_weight", "loc_weight", "box"), ("box_loss_weight",)),
    **dict.fromkeys(("random_seed", "random_state"), ("seed",)),
    **dict.fromkeys(("drop_path", "stochastic_depth"), ("survival_prob",)),
    **dict.fromkeys(("freeze_backbone", "freeze_layers", "frozen"), ("freeze",)),
    **dict.fromkeys(("eval_batch", "val_batch_size"), ("eval_batch_size",)),
}


def by_meaning(name: str, known: tuple[str, ...]) -> str:
    """Return the known name that means the same as name, "" where none does.

    A known name also means the same where name is its end: d0, lite0 or resnet50 of a model.

    Args:
        name: What was written, in small letters, without dashes before it.
        known: The names to choose from.
    """
    written = name.replace("-", "_")
    for other in OTHER_NAMES.get(written, ()):
        if other in known:
            return other
    ends = [item for item in known if item.replace("-", "_").endswith(f"_{written}")]
    return ends[0] if len(ends) == 1 else ""
