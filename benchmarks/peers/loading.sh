#!/usr/bin/env bash
# JPEG file to normalised tensor, torchvision + Pillow and this program in turns: loading.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import torchvision, PIL' 2>/dev/null; then
    echo "torchvision is missing: apt-get install --no-install-recommends python3-torchvision python3-pil (or set PYTHON)" >&2
    exit 1
fi
exec "$python" "$here/loading.py" "$@"
