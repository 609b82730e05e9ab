#!/usr/bin/env bash
# Ask the service about a picture. Start it first: efficientdet serve --model_dir OUT/model --port 8080
#   bash client.sh cat.jpg [http://127.0.0.1:8080]
set -euo pipefail
picture=${1:?expected a picture}
service=${2:-http://127.0.0.1:8080}

curl --silent --show-error --fail-with-body --form "images=@$picture" "$service/?score_threshold=0.4"
