#!/usr/bin/env bash
# Fuzzes readers, led by coverage: the program's libraries are instrumented by SharpFuzz, and AFL++ looks for inputs that reach new code.
#   tools/fuzz/fuzz.sh FOLDER SECONDS [TARGET...]     FOLDER keeps the built program, seeds and findings
# It needs afl-fuzz (AFL++) on the PATH. Targets: picture, weights, mat, list, manifest, recipe, sizes, adapter; all of them if none is named.
# What broke a reader, or took it more than two seconds, lies in FOLDER/out/TARGET/default/crashes and hangs.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1" && cd "$1" && folder=$PWD seconds=$2
shift 2
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(picture weights mat list manifest recipe sizes adapter)
command -v afl-fuzz >/dev/null || { echo "fuzz: afl-fuzz is not on the PATH (package afl++)"; exit 1; }
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

# It takes its name only when every library is instrumented: one that is not would be fuzzed blindly, or not at all.
if [ ! -f bin/Fuzz.dll ]; then
    rm -rf made
    dotnet build "$root/tools/fuzz" --output made -v quiet -clp:ErrorsOnly -p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false
    [ -x tool/sharpfuzz ] || dotnet tool install --tool-path tool SharpFuzz.CommandLine --version 2.3.0 >/dev/null
    for library in Data Files Models Peft Runs; do tool/sharpfuzz "made/AdaptFormer.$library.dll"; done
    mv made bin
fi

mkdir -p out
fixtures=$root/tests/AdaptFormer.Tests/Fixtures
seeds() { rm -rf "seeds/$1" && mkdir -p "seeds/$1"; }
small() { find "$@" -type f -size -8k; }
for target in "${targets[@]}"; do
    seeds "$target"
    case $target in
        picture) small "$fixtures/pictures" | head -40 | xargs -I{} cp {} seeds/picture ;;
        weights) find "$fixtures/checkpoints" -type f -size -20k \( -name '*.safetensors' -o -name '*.pth' \) | head -12 | xargs -I{} cp {} seeds/weights ;;
        adapter) find "$fixtures" -type f -size -20k -name 'adapter*.safetensors' | head -4 | xargs -I{} cp {} seeds/adapter ;;
        mat) printf '%-124s\0\1IM\16\0\0\0\0\0\0\0' 'MATLAB 5.0 MAT-file' >seeds/mat/empty.mat ;;
        list) printf 'path,label\na.jpg,cat\n"b,c.jpg",dog\n' >seeds/list/a.csv; printf 'file\tx\ty\na.jpg\t1\t0\n' >seeds/list/b.csv ;;
        manifest) printf '{"path":"a.jpg","label":"cat"}\n{"path":"b.jpg","labels":["a","b"]}\n' >seeds/manifest/a.jsonl ;;
        recipe) cp "$root"/recipes/synthetic-*.json seeds/recipe ;;
        sizes) printf '{"family":"vit","img_height":16,"img_width":16,"patch_size":8,"embed_dim":16,"depth":2,"num_heads":2}' >seeds/sizes/a.json ;;
    esac
    echo "fuzz: $target, $(ls "seeds/$target" | wc -l) seeds, $seconds s"
    AFL_SKIP_BIN_CHECK=1 AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1 AFL_FORKSRV_INIT_TMOUT=300000 \
        afl-fuzz -i "seeds/$target" -o "out/$target" -V "$seconds" -t 20000 -m none -- dotnet bin/Fuzz.dll "$target" >"$target.log" 2>&1 || { tail -5 "$target.log"; exit 1; }
    awk -F' *: *' '/^(execs_done|corpus_count|saved_crashes|saved_hangs|edges_found)/ { printf "%s %s  ", $1, $2 } END { print "" }' "out/$target/default/fuzzer_stats"
done
