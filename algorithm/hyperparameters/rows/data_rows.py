"""Hyperparameters: which pictures a job reads and how it divides them."""

from __future__ import annotations

from algorithm.hyperparameters.row import Row

DATA_ROWS: tuple[Row, ...] = (
    Row(
        "do_data_cleaning",
        "boolean",
        True,
        "Leave out unusable pictures and annotations and say which. False stops at the first "
        "problem instead",
        "是否清洗数据, 即跳过并报告不可用的图片和标注. False 时遇到问题会停止",
        "parameter",
        required=True,
    ),
    Row(
        "train_batch_size",
        "integer",
        8,
        "Pictures that pass through the network at once in training, on each device. A step "
        "learns from gradient_accumulation_steps times as many",
        "训练时每张卡上的图片数量, 即一次前向的数量, 每步学习的图片数为其 "
        "gradient_accumulation_steps 倍",
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
        "data_url",
        "string",
        None,
        "The dataset, a manifest or a folder of pictures with VOC annotations, with a training "
        "and an evaluation part",
        "数据集, manifest 文件或包含图片与 VOC 标注的目录, 包含训练集和评估集",
        "platform",
        required=True,
        shapes_training=False,
    ),
    Row(
        "aspect_ratio_group_factor",
        "integer",
        0,
        "Batches of pictures with alike shapes, in so many groups for each doubling of width by "
        "height, 0 for none",
        "按宽高比将相近的图片分到同一批, 宽高比每翻一倍所分的组数, 0 表示不分组",
        interval="[-1, 16]",
    ),
    Row(
        "bit_depth",
        "integer",
        16,
        "Bits that pictures of 16 bits a channel use, such as 12 of many cameras. Read with all "
        "16 these are nearly black",
        "每通道 16 位的图片实际使用的位数, 例如许多相机为 12. 按 16 位读取时这样的图片几乎全黑",
        interval="[8, 16]",
    ),
    Row(
        "eval_last",
        "integer",
        0,
        "Pictures at the end that are for evaluation where the dataset has no split, 0 for a "
        "fifth chosen by seed",
        "数据集未划分时, 末尾用于评估的图片数量, 0 表示按随机种子选取五分之一",
        interval="[0, 100000000]",
        shapes_training=False,
    ),
    Row(
        "max_instances_per_image",
        "integer",
        100,
        "Published key, a hint for padding. Any number of objects per picture works",
        "填充提示, 图片中的目标数量不受此限制",
        interval="[1, inf)",
        shapes_training=False,
    ),
)
