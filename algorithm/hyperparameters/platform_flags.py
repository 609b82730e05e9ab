"""Flags that the platform adds by itself: the job accepts and logs them."""

from __future__ import annotations

PLATFORM_FLAGS = (
    *("task_name", "ps_hosts"),
    *("init_method", "rank", "world_size", "local_rank", "node_rank", "master_addr", "master_port"),
    *("log_url", "model_url", "job_id", "user_id", "project_id", "num_cpus"),
)
