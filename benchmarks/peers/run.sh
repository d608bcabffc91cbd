#!/usr/bin/env bash
# Builds this program and its peers, checks that the peers compute the same, then measures all in turns.
#   run.sh [--cases 'train-*,predict-base-1-*'] [--turns N] [--seconds N] [--output FILE] [--program FILE] [--prepare-only]
# TorchSharp's native library needs a libstdc++ of GCC 13. On a system with an older one (Debian 12) it runs in a root of Debian 13 that this script
# makes once in PEERS_ROOT (root and debootstrap needed). What could not be brought is said, and the rest is measured without it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cache=${PEERS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/adaptformer/peers}
root=${PEERS_ROOT:-$cache/trixie}
program="" only=""
arguments=()
while [ $# -gt 0 ]; do
    case $1 in
        --program) program=$2; shift 2 ;;
        --prepare-only) only=1; shift ;;
        *) arguments+=("$1"); shift ;;
    esac
done

dotnet build "$here/Peers.csproj" -c Release --nologo -v quiet -p:RunAnalyzers=false >&2
built=$here/bin/Release/net10.0/linux-x64
if [ -z "$program" ]; then
    dotnet build "$top/src/AdaptFormer.Cli" -c Release --nologo -v quiet >&2
    program=$top/src/AdaptFormer.Cli/bin/Release/net10.0/adaptformer.dll
fi

# Which way LibTorch loads: here, or in the root.
fixtures=$top/tests/AdaptFormer.Tests/Fixtures/parity
check() {
    if [ -n "$1" ]; then PEERS_DATA=$fixtures bash "$here/in-root.sh" "$1" "$built" check /data; else "$built/peers" check "$fixtures"; fi
}
if grep -aqs GLIBCXX_3.4.32 "$(ldconfig -p | awk '/libstdc\+\+.so.6.*x86-64/ { print $NF; exit }')"; then
    root=""
elif [ ! -e "$root/usr/lib/x86_64-linux-gnu/libstdc++.so.6" ]; then
    mkdir -p "$(dirname "$root")"
    debootstrap --variant=minbase --include=libstdc++6,libgomp1,libssl3t64,zlib1g trixie "$root" http://deb.debian.org/debian >&2 ||
        { echo "run.sh: no root of Debian 13 (it needs root and debootstrap): LibTorch is left out" >&2; root=none; }
fi
[ "$root" = none ] || check "$root" || { echo "run.sh: LibTorch does not load here, or does not compute the same: nothing is timed" >&2; exit 1; }

# Files for ONNX Runtime, from our own export; each must answer its self-test as our model does.
mkdir -p "$cache/models"
for kind in float32 int8; do
    file=$cache/models/vit_base_patch16_224-$kind.onnx
    switch=""
    [ "$kind" = float32 ] || switch=--int8
    [ -e "$file" ] || "$built/peers" export --model vit_base_patch16_224 --output "$file" $switch
done
[ -z "$only" ] || exit 0
exec "$built/peers" compare --program "$program" --root "$root" --scripts "$here" --models "$cache/models" ${arguments[@]+"${arguments[@]}"}
