#!/usr/bin/env bash
# google/automl's EfficientDet, here. Its command:
#
#   python main.py --mode=train_and_eval --train_file_pattern=tfrecord/train* --val_file_pattern=tfrecord/val* \
#     --model_name=efficientdet-d0 --model_dir=/tmp/efficientdet-d0-finetune --ckpt=efficientdet-d0 \
#     --train_batch_size=8 --eval_batch_size=8 --eval_samples=1024 --num_examples_per_epoch=5717 --num_epochs=50 \
#     --hparams="num_classes=20,moving_average_decay=0,learning_rate=0.08,mixed_precision=true"
#
# The counts and the classes come from the data. learning_rate is for 64 pictures in both; here it follows the batch.
# --pretrained=auto takes the published COCO weights, as --ckpt does; a path to that checkpoint does, too.
set -euo pipefail
data=${1:?expected a dataset: a folder of TFRecords or any other form, then a folder for the results}
out=${2:?expected a folder for the results}

python -m algorithm train --mode=train_and_eval --data_url="$data" --train_url="$out" \
  --model_name=efficientdet-d0 --pretrained="${WEIGHTS:-auto}" \
  --train_batch_size=8 --eval_batch_size=8 --num_epochs=50 --precision=bfloat16 \
  --hparams=moving_average_decay=0,learning_rate=0.08

# model_inspect.py --runmode=saved_model: nothing, the SavedModel is in model/.
# model_inspect.py --runmode=infer --input_image=img.png --output_image_dir=/tmp:
#   python -m algorithm predict --model="$out/model" --images=img.png --output=/tmp/drawn
