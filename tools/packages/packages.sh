#!/usr/bin/env bash
# Packs everything and uses it as a user does, in an empty folder: looks into each package, installs the program from the packed folder and trains with
# it, builds and runs a console program on the library packages, and runs an exported file by the programs that export prints.
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
trap 'cd "$root"; "$root/tools/gpu/ptx.sh" clean; rm -rf "$work"' EXIT
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

# An exported file by the programs that export prints: C# on the packages alone, JavaScript where tools/clients has its packages. They must print the
# digits of predict.
adaptformer export run --output run.onnx >"$work/exported"
printed() { awk -v wanted="$1:" '$0 == wanted { on = 1; next } /^(C#|JavaScript|Python):$/ { on = 0 } on { sub(/^  /, ""); print }' "$work/exported"; }
cp library-run/picture.png picture.jpg
# The three best classes of a picture by a program, in the form in which the printed programs write them.
digits() {
    "$1" predict picture.jpg --run run --top-k 3 --precision float32 --json | grep -o '"label":"[^"]*","index":[0-9]*,"probability":[^},]*' |
        awk -F '"' '{ sub(/^:/, "", $9); printf "%s %.3f\n", $4, $9 }'
}
digits adaptformer >"$work/expected"
test "$(wc -l <"$work/expected")" = 3
same() { diff "$work/expected" "$work/answer" || { echo "packages: the printed $1 answers otherwise than predict"; exit 1; }; }

mkdir printed && cp "$root/tools/packages/Printed.csproj" printed && printed "C#" >printed/Program.cs
quietly dotnet build printed --output "$work/printed" "-p:PackedFolder=$packed" "-p:PackedVersion=$version" -v quiet
"$work/printed/Printed" >"$work/answer"
same "C#"
echo "packages: the printed C# on AdaptFormer.Onnx gives the digits of predict: $(head -1 "$work/answer")"

export NODE_PATH=$root/tools/clients/node_modules
if command -v node >/dev/null && [ -d "$NODE_PATH/onnxruntime-node" ] && [ -d "$NODE_PATH/sharp" ]; then
    printed JavaScript >printed.js
    node printed.js >"$work/answer"
    same JavaScript
    echo "packages: the printed JavaScript gives the digits of predict"
else
    echo "packages: SKIPPED the printed JavaScript: run npm ci in tools/clients"
fi

# The program packed for this system alone, with code compiled beforehand; what that takes of packages of .NET is not at hand everywhere.
rid=$(dotnet --info | sed -n 's/^ *RID: *//p')
if (unset NUGET_PACKAGES; cd "$root" && ToolPackageRuntimeIdentifiers="$rid;any" dotnet pack src/AdaptFormer.Cli --configuration Release -p:PerSystem=true \
        --output "$work/systems" -v quiet) >"$work/log" 2>&1; then
    quietly dotnet tool install AdaptFormer.Cli --tool-path "$work/own" --version "$version" --add-source "$work/systems"
    test -d "$work/own/.store/adaptformer.cli/$version/adaptformer.cli.$rid"
    digits "$work/own/adaptformer" >"$work/answer"
    same "program for $rid"
    echo "packages: the program for $rid alone gives the digits of predict ($(du -m "$work"/systems/AdaptFormer.Cli."$rid".*.nupkg | cut -f1) MB, for all systems $(du -m "$file" | cut -f1) MB)"
elif grep -qE "NU1101|NU1102" "$work/log"; then
    echo "packages: SKIPPED the program for one system: $(grep -oE "NU110[12]: [^[]*" "$work/log" | head -1)"
else
    cat "$work/log"
    echo "packages: failed: dotnet pack -p:PerSystem=true"
    exit 1
fi

# Additions of another project, on the packages alone: each is used for real by its tests.
mkdir outside && cp "$root"/tests/AdaptFormer.Outside.Tests/*.cs "$root"/tests/AdaptFormer.Outside.Tests/*.csproj outside
xunit=$(sed -n 's/.*"xunit.v3.mtp-v1" Version="\([^"]*\)".*/\1/p' "$root/Directory.Packages.props")
quietly dotnet build outside --output "$work/added" "-p:PackedFolder=$packed" "-p:PackedVersion=$version" "-p:XunitVersion=$xunit" -v quiet
quietly dotnet "$work/added/AdaptFormer.Outside.Tests.dll"
echo "packages: a method, a backbone, an operation, a loss, a task and a kind of data were added to them from outside"
