#!/usr/bin/env bash
# Fetches NVIDIA's runtime compiler (NVRTC 12.4: two packages of Debian trixie non-free, 18 MB) into a folder, without installing anything, and prints the
# folder. Needs apt-get and dpkg-deb, no root. Usage: tools/gpu/nvrtc.sh FOLDER; then ADAPTFORMER_CUDA=FOLDER for the tests.
set -euo pipefail
folder=$(realpath -m "${1:?usage: tools/gpu/nvrtc.sh FOLDER}")
if ls "$folder"/libnvrtc.so.* >/dev/null 2>&1; then
    echo "$folder"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/root"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie non-free" >"$work/sources.list"
cat >"$work/apt.conf" <<CONF
Dir::State "$work"; Dir::State::lists "$work/lists"; Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/sources.list"; Dir::Etc::sourceparts "-"; APT::Sandbox::User "";
CONF
export APT_CONFIG="$work/apt.conf"
cd "$work"
timeout 120 apt-get -qq update >/dev/null
timeout 120 apt-get -qq download libnvrtc12 libnvrtc-builtins12.4 >/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
# The library that tells that all is there comes last, and by a rename.
part=$folder/part.$$
trap 'rm -rf "$work" "$part"' EXIT
mkdir -p "$part"
cp -a root/usr/lib/*/libnvrtc* "$part"
mv "$part"/libnvrtc-builtins* "$folder"
mv "$part"/libnvrtc.so.* "$folder"
echo "$folder"
