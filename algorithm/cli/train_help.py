"""What `train --help` says: the flags that matter, an example, and where the rest is."""

from __future__ import annotations

TEXT = """\
usage: python -m algorithm train --data_url=DATASET --train_url=FOLDER [--NAME=VALUE ...]

Train a detector, evaluate it and export it as a model folder. Run the same command again, and it
goes on where it was stopped.

flags that matter:
  --data_url=DATASET        folder or file: VOC, COCO, YOLO, a manifest, TFRecords and more
  --train_url=FOLDER        everything that the job leaves: checkpoints, metrics, model/
  --model_name=NAME         efficientdet-lite0 to lite4, -d0 to -d7x, ... (default: efficientdet-d0)
  --num_epochs=N            passes over the training pictures (default: 100)
  --train_batch_size=N      pictures in a step, on each device (default: 8)

example:
  python -m algorithm data check --data_url=pictures
  python -m algorithm train --data_url=pictures --train_url=trained \\
      --model_name=efficientdet-lite0 --num_epochs=20 --mode=train_and_eval
  python -m algorithm predict --model_dir=trained/model --images=pictures --output=drawn

all flags, with their defaults and limits: python -m algorithm describe
models, and where their weights are:       python -m algorithm weights list"""
