#!/usr/bin/env bash
# The TensorFlow Object Detection API, here. Its commands:
#
#   python model_main_tf2.py --pipeline_config_path=pipeline.config --model_dir=OUT
#   python exporter_main_v2.py --input_type=image_tensor --pipeline_config_path=pipeline.config --trained_checkpoint_dir=OUT ...
#
# The second needs no counterpart: the job leaves the SavedModel in OUT/model.
set -euo pipefail
data=${1:?expected a dataset: the TFRecords or any other form, then a folder for the results}
out=${2:?expected a folder for the results}

python -m algorithm train --pipeline_config="$(dirname "$0")/pipeline.config" --data_url="$data" --train_url="$out" \
  --pretrained="${WEIGHTS:-auto}"
