#!/usr/bin/env bash
# All classical methods on the membranes and on CamVid, fitted on train and scored on test: OUT_DIR/<data>/baselines.json.
#   [METHODS="otsu forest"] [DATASETS="membrane"] [SEED=0] bash benchmarks/baselines.sh DATA_DIR OUT_DIR
# DATA_DIR holds the folders membrane and camvid.
set -euo pipefail
data=$1
out=$2
segan=${SEGAN:-segan}
for name in ${DATASETS:-membrane camvid}; do
  # shellcheck disable=SC2086
  $segan baseline ${METHODS:-all} --data "$data/$name" --card "$name" --seed "${SEED:-0}" --out "$out/$name"
done
