#!/usr/bin/env bash
# Packs the tests with the program and the runtime into one archive, artifacts/gpu/tests.tar.gz, for a machine with a card that has no SDK: tools/gpu/check.sh
# unpacks and runs it beside a copy of this repository, which lends it the tests' fixtures. Linux x64. Usage: tools/gpu/pack.sh
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for project in src/AdaptFormer.Cli tests/AdaptFormer.Tests; do
    dotnet publish "$root/$project" --runtime linux-x64 --self-contained --output "$work/tests" -v quiet -clp:ErrorsOnly -p:RunAnalyzers=false \
        -p:NuGetLockFilePath=obj/gpu.lock.json
done
rm -rf "$work/tests/Fixtures" "$work"/tests/*.pdb "$work"/tests/*.xml "$work"/tests/??/ "$work"/tests/??-*/
mkdir -p "$root/artifacts/gpu"
tar -C "$work" -czf "$root/artifacts/gpu/tests.tar.gz" tests
ls -l "$root/artifacts/gpu/tests.tar.gz" | awk '{ printf "%s: %.1f MB\n", $NF, $5 / 1e6 }'
