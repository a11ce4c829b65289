#!/usr/bin/env bash
# Does the lighter discriminator (half resolution, 32 channels: the default) lose quality against the classical one (full resolution,
# 64 channels)? The demo data, the same seeds, data order and number of steps; test mean IoU of each arm.
#   [ARMS="light full"] bash benchmarks/discriminator_size.sh OUT_DIR [SEED ...]
set -euo pipefail
out=$1
shift
segan=${SEGAN:-segan}
python=${PYTHON:-python3}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"
for seed in ${*:-0 1 2}; do
  for arm in ${ARMS:-light full pixel}; do
    keys=()
    [ "$arm" = full ] && keys=(--set discriminator.input_scale=1.0 --set discriminator.channels=64)
    [ "$arm" = pixel ] && keys=(--set loss.adversarial_weight=0)
    $segan demo --out "$out/${arm}_$seed" --seed "$seed" --resume --json --quiet \
      --set training.max_minutes=null "${keys[@]}" > "$out/demo_${arm}_$seed.json"
  done
done
$python "$here/collect.py" "$out" --pattern 'demo_*.json' --out "$out/discriminator_size.json"
