"""Hyperparameters: where the job computes, in which precision and with how much memory."""

from __future__ import annotations

from algorithm.hyperparameters.row import Row

DEVICE_ROWS: tuple[Row, ...] = (
    Row(
        "strategy_type",
        "string",
        "auto",
        "Where to train. auto takes a TPU that is named, several machines where the platform "
        "gives them, else all GPUs, else the CPU. multi_worker_gpu is another name of multi_worker",
        "训练设备. auto 依次选择指定的TPU, 平台提供的多台机器, 所有GPU, 最后为CPU. "
        "multi_worker_gpu 等同于 multi_worker",
        "parameter",
        choices=("auto", "one_device", "mirrored", "multi_worker", "multi_worker_gpu", "tpu"),
        shapes_training=False,
    ),
    Row(
        "tpu",
        "string",
        "",
        "Name or address of the TPU, local on a TPU machine, empty for none",
        "TPU的名称或地址, 在TPU机器上为 local, 空表示不使用",
        "parameter",
        shapes_training=False,
    ),
    Row(
        "precision",
        "string",
        "float32",
        "What the network computes in during training. Variables, losses and boxes stay float32, "
        "as do evaluation and export",
        "训练时网络的计算精度. 变量, 损失和边框计算, 以及评估和导出始终使用 float32",
        "parameter",
        choices=("float32", "bfloat16", "float16"),
    ),
    Row(
        "num_gpus",
        "integer",
        0,
        "GPUs of this machine to train on, 0 for all there are",
        "本机用于训练的GPU数量, 0 表示全部",
        "platform",
        interval="[0, 64]",
        shapes_training=False,
    ),
    Row(
        "worker_hosts",
        "string",
        "",
        "Addresses of all machines of the job, host names or addresses with ports parted by "
        "commas, the first one writes the results",
        "作业的所有机器地址, 可带端口, 用逗号分隔, 第一台负责写出结果",
        "platform",
        shapes_training=False,
    ),
    Row(
        "task_index",
        "integer",
        None,
        "Which of worker_hosts this machine is, from 0",
        "本机在 worker_hosts 中的序号, 从0开始",
        "platform",
        interval="[0, 65535]",
        shapes_training=False,
    ),
    Row(
        "job_name",
        "string",
        "",
        "Role of this process as older jobs give it. A parameter server has nothing to do here "
        "and ends at once",
        "旧版作业给出的进程角色. 本算法不需要参数服务器, 该角色的进程会立即结束",
        "platform",
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
)
