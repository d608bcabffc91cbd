#!/usr/bin/env bash
# Packs everything and uses it as a user does, in an empty folder: looks into each package, installs the program from the packed folder and trains with
# it, and builds and runs a console program on the library packages.
#   tools/packages/packages.sh [FOLDER]     keeps the packages in FOLDER
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packed=${1:-$work/packages}
mkdir -p "$packed" "$work/empty"
packed=$(cd "$packed" && pwd)

# Packages of this version may lie in the user's cache from an earlier try; a cache of our own knows nothing of them.
export NUGET_PACKAGES=$work/cache DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 NO_COLOR=1
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log"; echo "packages: failed: $*"; exit 1; }; }

# Kernels as PTX go into the package where NVIDIA's compiler is here; else whoever has a card needs it.
if (unset NUGET_PACKAGES; "$root/tools/gpu/ptx.sh" >"$work/ptx" 2>&1); then tail -n 1 "$work/ptx"
else echo "packages: the CUDA kernels are packed as text alone, and a card will need NVRTC: $(tail -n 1 "$work/ptx")"; fi
trap 'rm -rf "$work"; "$root/tools/gpu/ptx.sh" clean' EXIT
unset ADAPTFORMER_CUDA

(unset NUGET_PACKAGES; cd "$root" && quietly dotnet pack AdaptFormer.slnx --configuration Release --output "$packed" -v quiet)
file=$(ls "$packed"/AdaptFormer.Cli.*.nupkg)
version=$(basename "$file" .nupkg)
version=${version#AdaptFormer.Cli.}
echo "packages: $(ls "$packed"/*.nupkg | wc -l) packages and $(ls "$packed"/*.snupkg | wc -l) of symbols, version $version"

cd "$work/empty"
quietly dotnet tool install AdaptFormer.Cli --tool-path "$work/tool" --version "$version" --add-source "$packed"
adaptformer() { "$work/tool/adaptformer" "$@"; }
adaptformer --help >"$work/help"
grep -q "  train " "$work/help"
quietly adaptformer doctor
# A recipe that comes with the program, shortened: no weights to fetch, pictures that it draws.
quietly adaptformer train synthetic-adaptformer --set model.weights=null --set model.name=small --set epochs=1 --set data.train=64:11:32 --set data.test=20:12:32 --output run
test -s run/adapter.safetensors -a -s run/report.html
echo "packages: the program installed from the folder, shows its help, and trained a shipped recipe"

mkdir consumer && cp "$root/tools/packages/Consumer.csproj" "$root/tools/packages/Program.cs" consumer
quietly dotnet build consumer --output "$work/built" "-p:PackedFolder=$packed" "-p:PackedVersion=$version" -v quiet
result=$("$work/built/Consumer" "$packed" "$work/empty/library-run")
echo "packages: a console program on them: $result"

# Additions of another project, on the packages alone: each is used for real by its tests.
mkdir outside && cp "$root"/tests/AdaptFormer.Outside.Tests/*.cs "$root"/tests/AdaptFormer.Outside.Tests/*.csproj outside
xunit=$(sed -n 's/.*"xunit.v3.mtp-v1" Version="\([^"]*\)".*/\1/p' "$root/Directory.Packages.props")
quietly dotnet build outside --output "$work/added" "-p:PackedFolder=$packed" "-p:PackedVersion=$version" "-p:XunitVersion=$xunit" -v quiet
quietly dotnet "$work/added/AdaptFormer.Outside.Tests.dll"
echo "packages: a method, a backbone, an operation, a loss, a task and a kind of data were added to them from outside"
