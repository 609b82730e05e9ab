"""Hyperparameters: what a student learns from another network."""

from __future__ import annotations

from algorithm.hyperparameters.model_names import MODEL_NAMES
from algorithm.hyperparameters.row import Row

DISTILLATION_ROWS: tuple[Row, ...] = (
    Row(
        "export_teacher_model",
        "boolean",
        False,
        "Leave the model as a teacher too, a frozen graph in model, folder frozen, for jobs with "
        "use_offline_kd",
        "是否同时导出教师模型, 即 model 目录下 frozen 中的冻结图, 供 use_offline_kd 的作业使用",
        "parameter",
        shapes_training=False,
    ),
    Row(
        "use_offline_kd",
        "boolean",
        False,
        "Learn from a teacher too, the model that teacher_model_url names",
        "是否使用离线知识蒸馏, 即同时学习 teacher_model_url 指定的教师模型",
        "parameter",
    ),
    Row(
        "teacher_model_url",
        "string",
        "",
        "The folder model of a job with export_teacher_model, on the same classes. Only with "
        "use_offline_kd",
        "教师模型所在的 model 目录, 由 export_teacher_model 的作业生成, 类别须相同. 仅用于 "
        "use_offline_kd",
        "parameter",
    ),
    Row(
        "use_online_kd",
        "boolean",
        False,
        "Train on enlarged pictures too, with the same kernels, and learn from what is seen "
        "there. The exported model has its size and speed",
        "是否使用在线知识蒸馏, 即以相同的卷积核同时在放大的图片上训练并向其学习, "
        "导出模型的大小和速度不变",
        "parameter",
    ),
    Row(
        "soft_cls_loss",
        "float",
        2.0,
        "Distillation, weight of the class loss against the teacher, 0 to leave it out. Online a "
        "quarter of it counts",
        "知识蒸馏中分类软损失的权重, 0 表示不使用. 在线蒸馏时取其四分之一",
        interval="[0, inf)",
    ),
    Row(
        "soft_box_loss",
        "float",
        200.0,
        "Distillation, weight of the box loss against the teacher, 0 to leave it out. Online a "
        "tenth of it counts",
        "知识蒸馏中边框软损失的权重, 0 表示不使用. 在线蒸馏时取其十分之一",
        interval="[0, inf)",
    ),
    Row(
        "kd_method",
        "string",
        "plain",
        "Distillation, what is imitated. plain is classes everywhere and boxes of objects, "
        "foreground is what the teacher is sure of, crosshead is foreground and the features of "
        "the student in the heads of a peer_model",
        "知识蒸馏的方式. plain 模仿所有位置的分类和目标位置的边框, foreground "
        "侧重教师模型有把握的位置, crosshead 在 foreground 之上再让学生的特征经过 peer_model "
        "的检测头",
        choices=("plain", "foreground", "crosshead"),
    ),
    Row(
        "peer_model",
        "string",
        "",
        "Online distillation, the model that is trained along with weights of its own. Empty is "
        "the student on enlarged pictures",
        "在线蒸馏中同时训练的模型, 使用自己的权重. 空表示在放大图片上训练的学生模型自身",
        choices=("", *MODEL_NAMES),
    ),
    Row(
        "peer_pretrained",
        "string",
        "auto",
        "Where the starting weights of peer_model come from, as with pretrained. Only with "
        "peer_model",
        "peer_model 的初始权重来源, 取值同 pretrained. 仅用于 peer_model",
    ),
)
