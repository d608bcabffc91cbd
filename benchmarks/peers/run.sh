#!/usr/bin/env bash
# Checks the PyTorch model against the reference fixtures, then measures it and this program in turns.
# Options are those of measure.py, for example: run.sh --cases 'base-*' --repetitions 5
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-/usr/bin/python3}
case " $* " in *" --alone "*) exec "$python" "$here/measure.py" "$@" ;; esac
if ! "$python" -c 'import torch' 2>/dev/null; then
    echo "PyTorch is missing: apt-get install --no-install-recommends python3-torch libopenblas0-pthread (or set PYTHON)" >&2
    exit 1
fi
"$python" "$here/adaptformer_torch.py" --check
exec "$python" "$here/measure.py" "$@"
