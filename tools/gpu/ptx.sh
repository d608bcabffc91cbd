#!/usr/bin/env bash
# Makes PTX of the CUDA kernels, which the next build of AdaptFormer.Cuda embeds: cards then need no NVRTC. Needs NVRTC (ADAPTFORMER_CUDA=FOLDER, or where
# the system has it; tools/gpu/nvrtc.sh fetches it) and no card. Usage: tools/gpu/ptx.sh; "tools/gpu/ptx.sh clean" takes it away again.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
rm -rf "$root/artifacts/ptx"
[ "${1:-}" = clean ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet build "$root/tools/gpu/Ptx" --output "$work/tool" -v quiet -clp:ErrorsOnly -p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false
dotnet "$work/tool/Ptx.dll" "$work/ptx"
mkdir -p "$root/artifacts"
mv "$work/ptx" "$root/artifacts/ptx"
