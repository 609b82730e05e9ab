#!/usr/bin/env bash
# The Cloud TPU RetinaNet tutorial, here. Its command differs in one place:
#
#   python3 official/legacy/detection/main.py --strategy_type=tpu --tpu=NAME --model_dir=... --mode=train --model=retinanet ...
set -euo pipefail
data=${1:?expected the folder of train-* and val-*, then a folder for the results}
out=${2:?expected a folder for the results}

python -m algorithm.retinanet --strategy_type=one_device --model_dir="$out" --mode=train --model=retinanet \
  --params_override="{ type: retinanet, train: { total_steps: 10, batch_size: 8, train_file_pattern: $data/train-* },
    eval: { val_json_file: $data/instances_val2017.json, eval_file_pattern: $data/val-*, eval_samples: 40 },
    retinanet_parser: { output_size: [128, 128] } }"
