"""The hparams keys that say how a model is trained: losses, schedule, optimizer, freezing. Defaults as published."""

from __future__ import annotations

from algorithm.hyperparameters.parameters import MODEL_NAMES
from algorithm.hyperparameters.row import Row

LOSSES = (
    Row(
        "label_smoothing",
        "float",
        0.0,
        "Label smoothing of the class targets",
        "分类标签平滑系数",
        interval="[0, 1)",
    ),
    Row(
        "box_loss_weight",
        "float",
        50.0,
        "Weight of the box loss",
        "边框回归损失的权重",
        interval="[0, inf)",
    ),
    Row(
        "iou_loss_type",
        "string",
        "",
        "An additional box loss by overlap, empty for none",
        "额外的重叠度损失类型, 空表示不使用",
        choices=("", "iou", "giou", "diou", "ciou"),
    ),
    Row(
        "iou_loss_weight",
        "float",
        1.0,
        "Weight of the overlap loss",
        "重叠度损失的权重",
        interval="[0, inf)",
    ),
    Row(
        "alpha",
        "float",
        0.25,
        "Focal loss, weight of positive anchors",
        "focal loss 正样本权重",
        interval="[0, 1]",
    ),
    Row(
        "gamma",
        "float",
        1.5,
        "Focal loss, exponent that plays down easy anchors",
        "focal loss 调节易分样本的指数",
        interval="[0, inf)",
    ),
    Row(
        "delta",
        "float",
        0.1,
        "Huber loss of the boxes, where it turns from square to linear",
        "huber loss 由平方转为线性的阈值",
        interval="(0, inf)",
    ),
    Row(
        "soft_cls_loss",
        "float",
        2.0,
        "Distillation, weight of the class loss against the teacher, 0 to leave it out. Online a quarter of it counts",
        "知识蒸馏中分类软损失的权重, 0 表示不使用. 在线蒸馏时取其四分之一",
        interval="[0, inf)",
    ),
    Row(
        "soft_box_loss",
        "float",
        200.0,
        "Distillation, weight of the box loss against the teacher, 0 to leave it out. Online a tenth of it counts",
        "知识蒸馏中边框软损失的权重, 0 表示不使用. 在线蒸馏时取其十分之一",
        interval="[0, inf)",
    ),
    Row(
        "kd_method",
        "string",
        "plain",
        "Distillation, what is imitated. plain is classes everywhere and boxes of objects, foreground is what the teacher is sure of, "
        "crosshead is foreground and the features of the student in the heads of a peer_model",
        "知识蒸馏的方式. plain 模仿所有位置的分类和目标位置的边框, foreground 侧重教师模型有把握的位置, "
        "crosshead 在 foreground 之上再让学生的特征经过 peer_model 的检测头",
        choices=("plain", "foreground", "crosshead"),
    ),
    Row(
        "peer_model",
        "string",
        "",
        "Online distillation, the model that is trained along with weights of its own. Empty is the student on enlarged pictures",
        "在线蒸馏中同时训练的模型, 使用自己的权重. 空表示在放大图片上训练的学生模型自身",
        choices=("", *MODEL_NAMES),
    ),
    Row(
        "peer_pretrained",
        "string",
        "auto",
        "Where the starting weights of peer_model come from, as with pretrained. Only with peer_model",
        "peer_model 的初始权重来源, 取值同 pretrained. 仅用于 peer_model",
    ),
)

SCHEDULE = (
    Row(
        "num_steps",
        "integer",
        0,
        "Training steps in all, 0 for num_epochs passes over the data",
        "训练的总步数, 0 表示按 num_epochs 训练",
        interval="[0, 100000000]",
        shapes_training=False,
    ),
    Row(
        "steps_per_epoch",
        "integer",
        0,
        "Steps from one checkpoint and evaluation to the next, 0 for a pass over the data",
        "两次保存与评估之间的步数, 0 表示遍历一次训练数据",
        interval="[0, 100000000]",
    ),
    Row(
        "learning_rate",
        "float",
        0.08,
        "Learning rate for 64 pictures per step, scaled in proportion to the real number",
        "每步64张图片时的学习率, 按实际批大小等比缩放",
        interval="(0, inf)",
    ),
    Row(
        "lr_warmup_init",
        "float",
        0.008,
        "Learning rate at the start of the warm-up, scaled the same way",
        "预热开始时的学习率, 同样等比缩放",
        interval="[0, inf)",
    ),
    Row(
        "lr_warmup_epoch",
        "float",
        1.0,
        "Length of the warm-up in epochs",
        "预热的轮数",
        interval="[0, inf)",
    ),
    Row(
        "lr_decay_method",
        "string",
        "cosine",
        "How the learning rate falls after the warm-up",
        "预热之后学习率的下降方式",
        choices=("cosine", "stepwise", "polynomial", "constant"),
    ),
    Row(
        "first_lr_drop_epoch",
        "float",
        200.0,
        "Stepwise decay, epoch from which a tenth of the learning rate is used",
        "stepwise 方式第一次降低学习率的轮数",
        interval="(0, inf)",
    ),
    Row(
        "second_lr_drop_epoch",
        "float",
        250.0,
        "Stepwise decay, epoch from which a hundredth is used",
        "stepwise 方式第二次降低学习率的轮数",
        interval="(0, inf)",
    ),
    Row(
        "poly_lr_power",
        "float",
        0.9,
        "Exponent of the polynomial decay",
        "polynomial 方式的指数",
        interval="(0, inf)",
    ),
)

OPTIMIZER = (
    Row(
        "optimizer",
        "string",
        "auto",
        "The optimizer. auto is sgd for 32 pictures per step and more, below that adam at a tenth of learning_rate, "
        "a fifth with use_online_kd and no peer_model",
        "优化器. auto 在每步不少于32张图片时为 sgd, 否则为 adam 且学习率取 learning_rate 的十分之一, use_online_kd 且未设置 peer_model 时为五分之一",
        choices=("auto", "sgd", "adam"),
    ),
    Row(
        "momentum",
        "float",
        0.9,
        "Momentum of sgd, first beta of adam",
        "sgd 的动量, 或 adam 的 beta1",
        interval="[0, 1)",
    ),
    Row(
        "nesterov",
        "boolean",
        False,
        "Nesterov momentum for sgd, as RetinaNet was published with",
        "sgd 是否使用 Nesterov 动量, RetinaNet 公开的训练方式使用该项",
    ),
    Row(
        "weight_decay",
        "float",
        4e-5,
        "L2 penalty on convolution kernels",
        "卷积核的 L2 正则系数",
        interval="[0, inf)",
    ),
    Row(
        "clip_gradients_norm",
        "float",
        10.0,
        "Largest norm of the gradients, 0 for no limit",
        "梯度裁剪的范数上限, 0 表示不裁剪",
        interval="[0, inf)",
    ),
    Row(
        "moving_average_decay",
        "float",
        0.0,
        "Decay of the moving average of the weights, 0 for none",
        "权重滑动平均的衰减系数, 0 表示不使用",
        interval="[0, 1)",
    ),
    Row(
        "gradient_accumulation_steps",
        "integer",
        1,
        "Passes through the network for each training step. A step learns from this many times train_batch_size pictures, "
        "batch normalization sees train_batch_size at a time",
        "每个训练步的前向次数, 每步学习的图片数为该值乘以 train_batch_size, 批归一化每次只看到 train_batch_size 张",
        interval="[1, 1024]",
    ),
    Row(
        "freeze",
        "regex",
        "",
        "Variables whose name matches this regular expression are not trained. Empty keeps what the model keeps of pretrained "
        "weights, for a ResNet its first layers, none trains everything",
        "名称匹配该正则表达式的变量不参与训练. 空表示按模型自身的设置, 即 ResNet 固定预训练的最初几层, none 表示全部训练",
    ),
    Row(
        "var_freeze_expr",
        "regex",
        "",
        "Another name of freeze, as published",
        "freeze 的另一个名称",
        alias_of="freeze",
    ),
    Row(
        "freeze_bn",
        "string",
        "auto",
        "Keep batch normalization as loaded. auto decides by batch size",
        "是否固定批归一化, auto 时由批大小决定",
        choices=("auto", "true", "false"),
    ),
)

RECIPE = (*LOSSES, *SCHEDULE, *OPTIMIZER)
