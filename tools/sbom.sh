#!/usr/bin/env bash
# Writes the bill of materials of the program, every package that it brings included, in CycloneDX's JSON.
#   tools/sbom.sh [FOLDER]      FOLDER/adaptformer.cdx.json; artifacts/ without
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
output=${1:-$root/artifacts}
mkdir -p "$output"
output=$(cd "$output" && pwd)
cd "$root"
dotnet tool restore >/dev/null
dotnet restore src/AdaptFormer.Cli --locked-mode -v quiet
dotnet dotnet-CycloneDX src/AdaptFormer.Cli/AdaptFormer.Cli.csproj --output "$output" --filename adaptformer.cdx.json --output-format Json \
    --set-name adaptformer --set-version "$(dotnet msbuild src/AdaptFormer.Cli -getProperty:Version)" --disable-package-restore
