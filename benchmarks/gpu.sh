#!/usr/bin/env bash
# Everything that wants a GPU, in one script: the CamVid half of the benchmark `gpu` (five networks from scratch, pixel-only and
# adversarial, three seeds, and the classical baselines; table in OUT_DIR/table.md), and the speed of a step.
#   bash benchmarks/gpu.sh CAMVID_DIR OUT_DIR [extra `segan benchmark` arguments, e.g. --set training.epochs=100]
# Stopped, it goes on where it was when called again. `ONLY='camvid/unet-*'` runs a part; `DEVICE=cpu ONLY='camvid/unet-*/seed_0'`
# with `--set training.steps=2` tries it anywhere.
set -euo pipefail
data=$1
out=$2
shift 2
device=${DEVICE:-cuda}
segan=${SEGAN:-segan}
python=${PYTHON:-python3}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"
code=0
$segan benchmark gpu --data "camvid=$data" --out "$out" --only "${ONLY:-camvid/*}" --device "$device" "$@" || code=$?
[ "$code" = 0 ] || [ "$code" = 3 ] || exit "$code"  # 3: some cells failed, which the table tells; the speed is still wanted.
$python "$here/train_speed.py" --device "$device" --rounds "${ROUNDS:-30}" --out "$out/train_speed_$device.json"
exit "$code"
