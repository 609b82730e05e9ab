"""Hyperparameters: what the job does, what it leaves and what it says on the way."""

from __future__ import annotations

from algorithm.hyperparameters.row import Row

JOB_ROWS: tuple[Row, ...] = (
    Row(
        "mode",
        "string",
        "train",
        "train evaluates once at the end, train_and_eval after every epoch, eval only evaluates, "
        "overfit_check learns 8 pictures by heart",
        "train 表示训练结束后评估一次, train_and_eval 表示每个epoch评估一次, eval 表示只评估, "
        "overfit_check 表示用8张图片检查能否学会",
        "parameter",
        choices=("train", "train_and_eval", "eval", "overfit_check"),
        required=True,
        shapes_training=False,
    ),
    Row(
        "hparams",
        "string",
        "moving_average_decay=0",
        "More settings as a comma list of key and value without spaces. The keys are listed in "
        "the documentation",
        "更多设置, 用逗号分隔的键值列表, 不含空格. 可用的键见文档",
        "parameter",
        required=True,
        shapes_training=False,
    ),
    Row(
        "pipeline_config",
        "string",
        "",
        "A pipeline.config of the TensorFlow Object Detection API to take settings from. Other "
        "flags win over it",
        "从 TensorFlow Object Detection API 的 pipeline.config 读取设置, 其他参数优先于该文件",
        "parameter",
        shapes_training=False,
    ),
    Row(
        "deps_save_path",
        "string",
        "",
        "Folder for JSON result files, empty for none",
        "保存 json 结果文件的目录, 空表示不保存",
        "parameter",
        shapes_training=False,
    ),
    Row(
        "train_url",
        "string",
        None,
        "Folder for everything the job leaves, the model, the best checkpoint, logs and metrics",
        "训练输出目录, 包含模型, 最佳检查点, 日志和指标",
        "platform",
        required=True,
        shapes_training=False,
    ),
    Row(
        "seed",
        "integer",
        0,
        "Seed of everything random. The same seed on the same machine gives the same result",
        "随机种子, 同一机器上相同的种子得到相同的结果",
        interval="[0, 2147483647]",
    ),
    Row(
        "best_metric",
        "string",
        "bbox",
        "Whose AP the best checkpoint is chosen by, boxes or masks, which a model with masks has",
        "按边框还是按掩码的AP选择最佳检查点, segm 仅适用于带掩码的模型",
        choices=("bbox", "segm"),
        shapes_training=False,
    ),
    Row(
        "folds",
        "integer",
        0,
        "Train and evaluate on so many splits of the pictures, one job after the other, and give "
        "mean and spread of the figures. 0 for one job",
        "将图片划分为多少份, 依次训练和评估, 并给出指标的均值和离散程度, 0 表示只运行一个作业",
        interval="[0, 100]",
        shapes_training=False,
    ),
    Row(
        "early_stop_patience",
        "integer",
        0,
        "Stop after this many evaluations without a better AP, 0 for never",
        "连续多少次评估AP没有提高时停止, 0 表示不提前停止",
        interval="[0, inf)",
        shapes_training=False,
    ),
    Row(
        "keep_checkpoint_max",
        "integer",
        3,
        "Checkpoints that are kept",
        "保留的检查点数量",
        interval="[1, inf)",
        shapes_training=False,
    ),
    Row(
        "checkpoint_minutes",
        "float",
        20.0,
        "Minutes between two checkpoints within an epoch, 0 for none before its end",
        "同一轮内两次保存检查点的间隔分钟数, 0 表示仅在每轮结束时保存",
        interval="[0, inf)",
        shapes_training=False,
    ),
    Row(
        "auto_batch",
        "boolean",
        False,
        "When memory runs out, divide the pictures of a step into smaller passes. A step still "
        "learns from as many",
        "显存或内存不足时, 将每步的图片分成更小的批次依次计算, 每步学习的图片总数不变",
        shapes_training=False,
    ),
    Row(
        "log_form",
        "string",
        "",
        "Form of the log lines, tutorial as in the Cloud TPU RetinaNet tutorial, torchvision as "
        "in its detection references, empty for that of this package",
        "日志格式, tutorial 与 Cloud TPU RetinaNet 教程一致, torchvision 与其检测参考脚本一致, "
        "空表示本算法自身的格式",
        choices=("", "tutorial", "torchvision"),
        shapes_training=False,
    ),
    Row(
        "log_to",
        "string",
        "tensorboard",
        "Where curves and pictures of the training go, a comma list of tensorboard, mlflow and "
        "wandb",
        "训练曲线和图片的记录位置, 以逗号分隔, 可选 tensorboard, mlflow, wandb",
        "parameter",
        shapes_training=False,
    ),
    Row(
        "gradient_checkpointing",
        "boolean",
        False,
        "Compute each block of the network again in the backward pass instead of keeping it in "
        "memory. Slower, much less memory",
        "反向传播时重新计算网络的每个模块而不保存在内存中. 速度变慢, 内存占用大幅减少",
        shapes_training=False,
    ),
    Row(
        "steps_per_loop",
        "integer",
        1,
        "Training steps for each call into TensorFlow. More keep a TPU busy. A stop is answered "
        "after each call",
        "每次调用 TensorFlow 执行的训练步数. 较大的值使TPU保持忙碌. 停止请求在每次调用之后响应",
        interval="[1, 100000]",
        shapes_training=False,
    ),
    Row(
        "log_every_steps",
        "integer",
        10,
        "Steps between two log lines",
        "两行日志之间的步数",
        interval="[1, inf)",
        shapes_training=False,
    ),
)
