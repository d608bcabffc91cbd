#!/usr/bin/env bash
# Fetches AMD's HIP compiler (Debian's hipcc 5 with clang 15, 190 MB unpacked or more) into a folder, without installing anything, and prints the folder.
# Needs apt-get and dpkg-deb, no root. Usage: tools/gpu/hip.sh FOLDER; then ADAPTFORMER_HIP=FOLDER for the tests, which compile the kernels and run none.
set -euo pipefail
folder=$(realpath -m "${1:?usage: tools/gpu/hip.sh FOLDER}")
if [ -x "$folder/usr/lib/llvm-15/bin/clang" ]; then
    echo "$folder"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$folder"
cd "$work"
timeout 500 apt-get -qq download libamdhip64-dev rocm-device-libs clang-15 libclang-common-15-dev libclang-cpp15 libllvm15 llvm-15 lld-15 \
    libhsa-runtime-dev libedit2 libbsd0 libz3-4 libxml2 >/dev/null 2>&1
for package in ./*.deb; do dpkg-deb -x "$package" "$folder"; done
echo "$folder"
