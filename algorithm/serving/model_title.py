"""How the page of the service names its model."""

from __future__ import annotations

import json
import os
from pathlib import Path

JOB = "job.json"  # beside the model folder, where it lies as the training job wrote it


def model_title(model_dir: str | os.PathLike[str]) -> str:
    """Return the model folder with, where its job is known, the model's and the dataset's name.

    Args:
        model_dir: The model folder.

    Returns:
        Such as "trained/model: efficientdet-d0, trained on raccoon"; the folder alone where no job
        lies beside it, or something else of that name.
    """
    folder = Path(model_dir).absolute()
    name = "/".join(folder.parts[-2:])
    try:
        job = json.loads((folder.parent / JOB).read_text(encoding="utf-8"))["hyperparameters"]
        dataset = Path(str(job["data_url"])).name
        return f"{name}: {job['model_name']}, trained on {dataset}"
    except (OSError, ValueError, KeyError, TypeError):
        return name
