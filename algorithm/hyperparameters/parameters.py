"""The rows that have a flag of their own. The first seven and their defaults are the published marketplace table."""

from __future__ import annotations

from algorithm.hyperparameters.row import Row

MODEL_NAMES = (
    *(f"efficientdet-d{level}" for level in ("0", "1", "2", "3", "4", "5", "6", "7", "7x")),
    *(f"efficientdet-lite{level}" for level in ("0", "1", "2", "3", "3x", "4")),
    *("retinanet-resnet50", "retinanet-resnet101", "retinanet-mobilenet-v2"),
)

PARAMETERS = (
    Row(
        "mode",
        "string",
        "train",
        "train evaluates once at the end, train_and_eval after every epoch, eval only evaluates, overfit_check learns 8 "
        "pictures by heart",
        "train 表示训练结束后评估一次, train_and_eval 表示每个epoch评估一次, eval 表示只评估, "
        "overfit_check 表示用8张图片检查能否学会",
        "parameter",
        choices=("train", "train_and_eval", "eval", "overfit_check"),
        required=True,
        shapes_training=False,
    ),
    Row(
        "model_name",
        "string",
        "efficientdet-d0",
        "The model, from small and fast to large and accurate",
        "模型名称, 从小而快到大而准",
        "parameter",
        choices=MODEL_NAMES,
        required=True,
    ),
    Row(
        "train_batch_size",
        "integer",
        8,
        "Pictures that pass through the network at once in training, on each device. A step learns from "
        "gradient_accumulation_steps times as many",
        "训练时每张卡上的图片数量, 即一次前向的数量, 每步学习的图片数为其 gradient_accumulation_steps 倍",
        "parameter",
        interval="[1, 4096]",
        required=True,
    ),
    Row(
        "eval_batch_size",
        "integer",
        8,
        "Pictures per evaluation step on each device",
        "评估时每张卡上的图片数量",
        "parameter",
        interval="[1, 4096]",
        required=True,
        shapes_training=False,
    ),
    Row(
        "num_epochs",
        "integer",
        100,
        "Passes over the training data at most. A job that is run again goes on until this number",
        "最大训练轮数. 再次运行同一作业时会继续训练到该轮数",
        "parameter",
        interval="[1, 100000]",
        required=True,
        shapes_training=False,
    ),
    Row(
        "do_data_cleaning",
        "boolean",
        True,
        "Leave out unusable pictures and annotations and say which. False stops at the first problem instead",
        "是否清洗数据, 即跳过并报告不可用的图片和标注. False 时遇到问题会停止",
        "parameter",
        required=True,
    ),
    Row(
        "hparams",
        "string",
        "moving_average_decay=0",
        "More settings as a comma list of key and value without spaces. The keys are listed in the documentation",
        "更多设置, 用逗号分隔的键值列表, 不含空格. 可用的键见文档",
        "parameter",
        required=True,
        shapes_training=False,
    ),
    Row(
        "pretrained",
        "string",
        "auto",
        "Where the starting weights come from. auto looks for published weights, none starts from scratch, or a path",
        "初始权重来源. auto 查找公开的预训练权重, none 表示从头训练, 也可以是路径",
        "parameter",
    ),
    Row(
        "fine_tune_checkpoint_type",
        "string",
        "detection",
        "Which part of the starting weights to take. classification is the backbone, detection adds the neck and heads",
        "使用预训练权重的哪些部分. classification 为主干网络, detection 增加特征融合与检测头, full 为全部",
        "parameter",
        choices=("classification", "detection", "full"),
    ),
    Row(
        "pipeline_config",
        "string",
        "",
        "A pipeline.config of the TensorFlow Object Detection API to take settings from. Other flags win over it",
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
        "data_url",
        "string",
        None,
        "The dataset, a manifest or a folder of pictures with VOC annotations, with a training and an evaluation part",
        "数据集, manifest 文件或包含图片与 VOC 标注的目录, 包含训练集和评估集",
        "platform",
        required=True,
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
        "num_gpus",
        "integer",
        0,
        "GPUs of this machine as the platform counts them",
        "平台给出的本机GPU数量",
        "platform",
        interval="[0, 64]",
        shapes_training=False,
    ),
)

# Flags the platform is known to add by itself: accepted and logged, never an error.
PLATFORM_FLAGS = (
    *("job_name", "task_index", "task_name", "ps_hosts", "worker_hosts"),
    *("init_method", "rank", "world_size", "local_rank", "node_rank", "master_addr", "master_port"),
    *("log_url", "model_url", "job_id", "user_id", "project_id", "num_cpus"),
)
