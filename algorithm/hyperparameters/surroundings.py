"""The hparams keys around the recipe: what the network sees, what counts as a detection, how the job behaves."""

from __future__ import annotations

from algorithm.hyperparameters.row import Row

PICTURES = (
    Row("input_rand_hflip", "boolean", True,
        "Flip pictures left to right at random", "是否随机水平翻转图片"),
    Row("jitter_min", "float", 0.1,
        "Smallest random scale of a training picture", "训练图片随机缩放的最小比例", interval="(0, inf)"),
    Row("jitter_max", "float", 2.0,
        "Largest random scale of a training picture", "训练图片随机缩放的最大比例", interval="(0, inf)"),
    Row("autoaugment_policy", "string", "",
        "Learned augmentation policy for detection, randaug for one random operation, empty for none",
        "面向检测的自动增强策略, randaug 表示随机选择一种操作, 空表示不使用",
        choices=("", "v0", "v1", "v2", "v3", "randaug")),
    Row("grid_mask", "boolean", False,
        "Hide a grid of squares in every training picture", "是否在每张训练图片上遮挡网格"),
    Row("cutout", "float", 0.0,
        "Share of training pictures with a grey hole", "带有灰色遮挡块的训练图片比例", interval="[0, 1]"),
    Row("mosaic", "float", 0.0,
        "Share of training pictures that are put together from four", "由四张图片拼接而成的训练图片比例",
        interval="[0, 1]"),
    Row("mosaic_off_epochs", "integer", 15,
        "Epochs at the end of training without mosaics", "训练结束前不使用拼接的轮数", interval="[0, inf)"),
    Row("brightness", "float", 0.0,
        "Largest random change of brightness, 1 for the whole range", "亮度随机变化的最大幅度, 1 表示整个范围",
        interval="[0, 1]"),
    Row("contrast", "float", 0.0,
        "Largest random change of the contrast factor", "对比度系数随机变化的最大幅度", interval="[0, 1]"),
    Row("saturation", "float", 0.0,
        "Largest random change of the saturation factor", "饱和度系数随机变化的最大幅度", interval="[0, 1]"),
    Row("hue", "float", 0.0,
        "Largest random turn of the hue, 0.5 for any colour", "色相随机变化的最大幅度, 0.5 表示任意颜色", interval="[0, 0.5]"),
    Row("max_instances_per_image", "integer", 100,
        "Published key, a hint for padding. Any number of objects per picture works",
        "填充提示, 图片中的目标数量不受此限制",
        interval="[1, inf)", shapes_training=False),
)

NETWORK = (
    Row("image_size", "size", None,
        "Network input in pixels as side or height x width, empty for the size of the model",
        "网络输入的像素大小, 边长或高 x 宽, 空表示使用模型自身的大小"),
    Row("anchor_scale", "float", 0.0,
        "Size of the anchors relative to the stride, 0 for that of the model",
        "锚框相对步长的大小, 0 表示使用模型自身的值",
        interval="[0, inf)"),
    Row("survival_prob", "float", None,
        "Probability that a residual block survives in training, empty for that of the model",
        "训练时残差块的保留概率, 空表示使用模型自身的值", interval="(0, 1]"),
)

DETECTIONS = (
    Row("nms_method", "string", "gaussian",
        "Suppression of overlapping detections", "重叠检测框的抑制方式", choices=("gaussian", "hard"),
        shapes_training=False),
    Row("nms_iou_threshold", "float", 0.5,
        "Overlap from which hard suppression drops a detection", "hard 方式的重叠阈值", interval="[0, 1]",
        shapes_training=False),
    Row("nms_sigma", "float", 0.5,
        "Width of gaussian suppression", "gaussian 方式的宽度", interval="(0, inf)", shapes_training=False),
    Row("nms_score_threshold", "float", 0.001,
        "Detections below this score are dropped", "低于该分数的检测框被丢弃", interval="[0, 1]",
        shapes_training=False),
    Row("max_nms_inputs", "integer", 5000,
        "Candidates that enter the suppression", "进入抑制步骤的候选框数量", interval="[1, inf)",
        shapes_training=False),
    Row("max_detections", "integer", 100,
        "Detections per picture at most", "每张图片最多的检测框数量", interval="[1, inf)", shapes_training=False),
)

JOB = (
    Row("seed", "integer", 0,
        "Seed of everything random. The same seed on the same machine gives the same result",
        "随机种子, 同一机器上相同的种子得到相同的结果", interval="[0, 2147483647]"),
    Row("early_stop_patience", "integer", 0,
        "Stop after this many evaluations without a better AP, 0 for never",
        "连续多少次评估AP没有提高时停止, 0 表示不提前停止",
        interval="[0, inf)", shapes_training=False),
    Row("keep_checkpoint_max", "integer", 3,
        "Checkpoints that are kept", "保留的检查点数量", interval="[1, inf)", shapes_training=False),
    Row("auto_batch", "boolean", False,
        "When memory runs out, divide the pictures of a step into smaller passes. A step still learns from as many",
        "显存或内存不足时, 将每步的图片分成更小的批次依次计算, 每步学习的图片总数不变",
        shapes_training=False),
    Row("gradient_checkpointing", "boolean", False,
        "Compute each block of the network again in the backward pass instead of keeping it in memory. Slower, much less memory",
        "反向传播时重新计算网络的每个模块而不保存在内存中. 速度变慢, 内存占用大幅减少", shapes_training=False),
    Row("steps_per_loop", "integer", 1,
        "Training steps for each call into TensorFlow. More keep a TPU busy. A stop is answered after each call",
        "每次调用 TensorFlow 执行的训练步数. 较大的值使TPU保持忙碌. 停止请求在每次调用之后响应",
        interval="[1, 100000]", shapes_training=False),
    Row("log_every_steps", "integer", 10,
        "Steps between two log lines", "两行日志之间的步数", interval="[1, inf)", shapes_training=False),
)

SURROUNDINGS = (*PICTURES, *NETWORK, *DETECTIONS, *JOB)
