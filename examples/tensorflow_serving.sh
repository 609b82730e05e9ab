#!/usr/bin/env bash
# The model behind TensorFlow Serving: REST on port 8501, gRPC on 8500. Ask it with tensorflow_serving_client.py.
#   bash tensorflow_serving.sh OUT/model SERVING
set -euo pipefail
model=${1:?expected the model folder of a job, then a new folder for the export}
export_folder=${2:?expected a new folder for the export}

python -m algorithm export --model_dir="$model" --format=saved_model --output="$export_folder"
docker run --rm -p 8500:8500 -p 8501:8501 -e MODEL_NAME=detector \
  -v "$(realpath "$export_folder"):/models/detector" tensorflow/serving
