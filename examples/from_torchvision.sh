#!/usr/bin/env bash
# torchvision's fine-tuning tutorial, here: its loop and its dataset class are one command.
#
#   dataset = PennFudanDataset("data/PennFudanPed", get_transform(train=True))
#   dataset = torch.utils.data.Subset(dataset, indices[:-50]); dataset_test = ... indices[-50:]
#   for epoch in range(10): train_one_epoch(model, optimizer, data_loader, device, epoch, print_freq=10); evaluate(...)
set -euo pipefail
data=${1:?expected the folder PennFudanPed or another dataset, then a folder for the results}
out=${2:?expected a folder for the results}

python -m algorithm train --mode=train_and_eval --data_url="$data" --train_url="$out" \
  --model_name=efficientdet-d0 --pretrained="${WEIGHTS:-auto}" \
  --train_batch_size=2 --eval_batch_size=1 --num_epochs=10 --log_form=torchvision \
  --hparams=moving_average_decay=0,eval_last=50,log_every_steps=10
