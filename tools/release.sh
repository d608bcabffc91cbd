#!/usr/bin/env bash
# Makes what a release offers beside the portable packages, for the system it runs on: the program as native code, in one archive that needs no .NET,
# tried before it is left in FOLDER.
#   tools/release.sh [FOLDER]      artifacts if left out
# Needs what native code is linked with: clang or gcc, and zlib's headers (Debian: clang zlib1g-dev).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${1:-$root/artifacts}"
out=$(cd "${1:-$root/artifacts}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 NO_COLOR=1
quietly() { "$@" >"$work/log" 2>&1 || { tail -n 40 "$work/log"; echo "release: failed: $*"; exit 1; }; }

# What is committed, in a folder of its own: a release holds nothing else, and what an earlier build left behind is of no use to native code.
git clone --quiet --shared "$root" "$work/source"
project=$work/source/src/AdaptFormer.Cli
version=$(dotnet msbuild "$project" -getProperty:Version)

case $(uname -s)-$(uname -m) in
    Linux-x86_64) rid=linux-x64 levels="x86-64-v3 x86-64-v4" ;;      # processors with AVX2, and with AVX-512
    Linux-aarch64) rid=linux-arm64 levels="armv8.2-a" ;;
    Darwin-arm64) rid=osx-arm64 levels="apple-m1" ;;
    *) echo "release: no native build is known for $(uname -s) on $(uname -m)"; exit 1 ;;
esac
linker=()
command -v clang >/dev/null || linker=(-p:CppCompilerAndLinker=gcc)

name=adaptformer-$version-$rid
folder=$work/$name
for level in $levels; do
    # Lock files are of the portable build: what the compiler to native code adds belongs to the SDK, whose version global.json says.
    quietly dotnet publish "$project" --configuration Release --runtime "$rid" --output "$work/$level" -p:PublishAot=true "-p:IlcInstructionSet=$level" \
        -p:IlcTreatWarningsAsErrors=false -p:RunAnalyzers=false "-p:NuGetLockFilePath=$work/packages.lock.json" "${linker[@]}"
    # Packages that warn (OpenAPI looks at types of MVC that nothing here has) are tried by tests; our own code has no excuse.
    if grep -E "src/AdaptFormer.*warning IL[0-9]+" "$work/log"; then echo "release: the compiler to native code warns"; exit 1; fi
    rm -f "$work/$level"/*.dbg "$work/$level"/*.pdb "$work/$level"/*.xml
    [ -d "$folder" ] || { cp -r "$work/$level" "$folder" && rm "$folder/adaptformer"; }
    mv "$work/$level/adaptformer" "$folder/adaptformer-$level"
done
if [ "$rid" = linux-x64 ]; then
    cp "$work/source/tools/launch.sh" "$folder/adaptformer"
    chmod +x "$folder/adaptformer"
else
    mv "$folder/adaptformer-$levels" "$folder/adaptformer"
fi
cp "$work/source/LICENSE" "$work/source/README.md" "$folder"

# What a user does first, without .NET in reach.
try() { env -i PATH=/usr/bin:/bin HOME="$work" NO_COLOR=1 "$folder/adaptformer" "$@"; }
cd "$work"
try --help >help
grep -q "  train " help
try doctor >doctor
compiled=$(head -n 1 doctor)
quietly try describe --model vit_tiny_patch16_224
quietly try train synthetic-adaptformer --set model.weights=null --set model.name=small --set epochs=1 --set data.train=64:11:32 --set data.test=20:12:32 \
    --output run
test -s run/adapter.safetensors -a -s run/report.html
tar -C "$work" -czf "$out/$name.tar.gz" "$name"
echo "release: $name.tar.gz, $(du -h "$out/$name.tar.gz" | cut -f1): $compiled"
