"""Hyperparameters: what the job does and where its results go."""

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
        "folds",
        "integer",
        0,
        "Train and evaluate on so many splits of the pictures, one job after the other, and give "
        "mean and spread of the figures. 0 for one job",
        "将图片划分为多少份, 依次训练和评估, 并给出指标的均值和离散程度, 0 表示只运行一个作业",
        interval="[0, 100]",
        shapes_training=False,
    ),
)
