#!/usr/bin/env bash
# Builds the committed state in two clones of different folders and compares what users get: every assembly and every file of symbols must be equal.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
commit=$(git -C "$root" rev-parse HEAD)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 NO_COLOR=1

build() {
    git clone --quiet --no-hardlinks "$root" "$1"
    git -C "$1" checkout --quiet "$commit"
    (cd "$1" && dotnet build src/AdaptFormer.Cli --configuration Release -v quiet >"$work/log" 2>&1) || { cat "$work/log"; exit 1; }
    (cd "$1" && find src -path '*/bin/Release/net10.0/*' \( -iname 'adaptformer*.dll' -o -iname 'adaptformer*.pdb' \) -exec sha256sum {} + | sort -k 2)
}

build "$work/a" >"$work/first"
build "$work/another/much/longer folder/b" >"$work/second"
[ "$(grep -c '\.dll$' "$work/first")" -ge 6 ] || { echo "reproducible: the build left fewer assemblies than there are projects"; cat "$work/log"; exit 1; }
if ! diff "$work/first" "$work/second"; then
    echo "reproducible: the assemblies above differ between two clones of ${commit:0:12}"
    exit 1
fi

echo "reproducible: $(wc -l <"$work/first") assemblies and symbol files of ${commit:0:12} are equal in two folders"
