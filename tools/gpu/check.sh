#!/usr/bin/env bash
# What a real card must show, in under 8 minutes, on a machine without an SDK: operations, golden files, methods and trainings on the card; compute-sanitizer;
# speed beside PyTorch's in the same run; two trainings with equal hashes. tools/gpu/pack.sh makes the archive that it runs.
#   tools/gpu/check.sh FOLDER          everything; FOLDER gets table.txt, bench.jsonl and the log
#   tools/gpu/check.sh FOLDER --dry    the same steps, small, on the emulated card (g++ is needed): to try this script where there is no card
# The exit status is 0 only if nothing failed; what the machine does not have is left out and said.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$(mkdir -p "${1:?usage: tools/gpu/check.sh FOLDER [--dry]}" && cd "$1" && pwd)
dry=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$out/table.txt"
: >"$out/bench.jsonl"
: >"$out/log.txt"
failed=0
note() { echo "$*" | tee -a "$out/table.txt"; }

# stage SECONDS NAME COMMAND...: runs a step with its own limit and notes how it ended. The limits are a card's; an emulated one has four times as long.
stage() {
    local limit=$1 name=$2 start=$SECONDS code
    shift 2
    [ "$dry" = --dry ] && limit=$((4 * limit))
    echo "== $name: $*" >>"$out/log.txt"
    timeout "$limit" "$@" >>"$out/log.txt" 2>&1
    code=$?
    [ $code = 0 ] || failed=1
    note "$([ $code = 0 ] && echo right || echo "WRONG ($code)") $((SECONDS - start)) s  $name"
}

tar -C "$work" -xzf "$root/artifacts/gpu/tests.tar.gz" || { note "WRONG: artifacts/gpu/tests.tar.gz is not here; tools/gpu/pack.sh makes it"; exit 1; }
ln -s "$root/tests/AdaptFormer.Tests/Fixtures" "$work/tests/Fixtures"
chmod +x "$work/tests/AdaptFormer.Tests" "$work/tests/adaptformer" 2>/dev/null
tests="$work/tests/AdaptFormer.Tests" program="$work/tests/adaptformer"

if [ "$dry" = --dry ]; then
    g++ -std=c++17 -O2 -fPIC -shared -o "$work/tests/Cuda/Emulator/card.so" "$work/tests/Cuda/Emulator/emulator.cpp" -ldl || { note "WRONG: no g++"; exit 1; }
    export ADAPTFORMER_CUDA="$work/tests/Cuda/Emulator/card.so"
    models=(vit_tiny_patch16_224) methods=(adaptformer) batches=(1 2) seconds=0 peer=(--device cpu --models vit_tiny_patch16_224 --methods adaptformer --batches 1 --seconds 0)
    size=(--image-size 32) epochs=1 namespaces=(-class '*LinearOpTests') golden=(-class '*.MaeParityTests')
else
    export ADAPTFORMER_TEST_CARD=on
    models=(vit_base_patch16_224 vit_large_patch16_224 vit_tiny_patch16_224) methods=(adaptformer full) batches=(128 256 16 1) seconds=1 peer=()
    size=() epochs=3 namespaces=(-namespace 'AdaptFormer.Tests.Ops*') golden=(-namespace 'AdaptFormer.Tests.Parity*')
    command -v nvidia-smi >/dev/null && nvidia-smi -L | tee -a "$out/table.txt"
fi

export NO_COLOR=1 ADAPTFORMER_GOLDEN_ON_CUDA=${dry:-all}
stage 10 "doctor names the card" bash -c "$program doctor | tee /dev/stderr | grep -q 'cuda:0 is'"
stage 70 "operations" "$tests" "${namespaces[@]}"
stage 40 "golden files" "$tests" "${golden[@]}"
stage 40 "methods, windows, clips, a training run" "$tests" -class '*.DeviceTests'
stage 40 "attention on the matrix units, dropout, uploads, losses beside the CPU's" "$tests" -class '*.CudaTrainingTests'

sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
for tool in memcheck racecheck; do
    if [ -z "$sanitizer" ]; then note "left out: compute-sanitizer $tool is not installed"; continue; fi
    stage 35 "compute-sanitizer $tool" "$sanitizer" --tool "$tool" --error-exitcode 9 "$tests" -method '*Attention_on_the_matrix_units*'
done

# The most telling first; what the time does not suffice for is said.
bench_seconds=90 bench_device=cuda
[ "$dry" = --dry ] && bench_device=cpu      # the limit that it is held against would take the emulated card minutes
bench() {
    local model method batch until=$((SECONDS + bench_seconds))
    for model in "${models[@]}"; do for method in "${methods[@]}"; do for batch in "${batches[@]}"; do
        if [ $SECONDS -ge $until ]; then echo "{\"left_out\": \"$model $method batch $batch\"}" | tee -a "$out/bench.jsonl"; continue; fi
        $program bench --device "$bench_device" --model "$model" --method "$method" --batch "$batch" --precision bfloat16 "${size[@]}" --seconds "$seconds" --json | tee -a "$out/bench.jsonl" || return 1
    done; done; done
}
start=$SECONDS
if bench >>"$out/log.txt" 2>&1; then note "right $((SECONDS - start)) s  bench"; else failed=1; note "WRONG $((SECONDS - start)) s  bench"; fi
python=$(for p in python3 /usr/bin/python3; do "$p" -c 'import torch' 2>/dev/null && { echo "$p"; break; }; done)
if [ -n "$python" ]; then
    stage 110 "PyTorch, eager and compiled, and the card's ceilings" bash -c "cd '$root/benchmarks/peers' && '$python' torch_card.py --budget 85 ${peer[*]} | tee -a '$out/bench.jsonl'"
else note "left out: PyTorch is not installed"; fi

train() { $program train synthetic-adaptformer --set model.weights=null --set model.name=small --set epochs="$epochs" --set data.train=96:11:32 --set data.test=32:12:32 --set workers=2 "${@:2}" --output "$work/$1"; }
start=$SECONDS
if train one --device cuda >>"$out/log.txt" 2>&1 && train two --device cuda >>"$out/log.txt" 2>&1 && train cpu --device cpu >>"$out/log.txt" 2>&1; then
    hash=$(sha256sum <"$work/one/adapter.safetensors")
    if [ "$hash" = "$(sha256sum <"$work/two/adapter.safetensors")" ]; then note "right $((SECONDS - start)) s  two trainings on the card end with the same file (${hash:0:12})"
    else failed=1; note "WRONG $((SECONDS - start)) s  two trainings on the card end with different files"; fi
    for run in one cpu; do note "losses, $run: $(grep -o '"train_loss":[^,]*' "$work/$run/log.jsonl" | cut -d: -f2 | tr '\n' ' ')"; done
else failed=1; note "WRONG $((SECONDS - start)) s  trainings"; fi
note "$([ $failed = 0 ] && echo "all right" || echo "something is wrong; see log.txt"), $SECONDS s"
exit $failed
