#!/usr/bin/env bash
# Everything that wants a GPU, in one script: CamVid at 480x360 from scratch, three seeds, adversarial and pixel-only, scored on the
# test split, and the speed of a step.
#   bash benchmarks/gpu.sh CAMVID_DIR OUT_DIR [extra `segan train` arguments, e.g. --set training.epochs=200]
# Stopped, it goes on where it was when called again. `DEVICE=cpu SEEDS="0"` with `--set training.steps=2` tries it anywhere.
set -euo pipefail
data=$1
out=$2
shift 2
device=${DEVICE:-cuda}
segan=${SEGAN:-segan}
python=${PYTHON:-python3}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"
for seed in ${SEEDS:-0 1 2}; do
  for arm in adversarial pixel; do
    weight=()
    [ "$arm" = pixel ] && weight=(--set loss.adversarial_weight=0)
    run="$out/camvid_${arm}_$seed"
    $segan train camvid --data "$data" --out "$run" --seed "$seed" --device "$device" --resume "${weight[@]}" "$@"
    $segan evaluate "$run" --data "$data" --split test --device "$device" --out "$run/test" --json > "$out/camvid_${arm}_$seed.json"
  done
done
$python "$here/train_speed.py" --device "$device" --rounds "${ROUNDS:-30}" --out "$out/train_speed_$device.json"
$python "$here/collect.py" "$out" --pattern 'camvid_*.json' --out "$out/camvid.json"
