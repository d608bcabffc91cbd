#!/usr/bin/env bash
# in-root.sh ROOT FOLDER ARGUMENTS…: runs FOLDER/peers.dll inside ROOT, with the .NET of this system. Mounts are seen by this process alone and go with it.
set -euo pipefail
root=$1 folder=$2
shift 2
kept=$(env | { grep ^MALLOC_ || true; } | tr "\n" " ")
dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
export root folder dotnet kept
exec unshare --mount bash -c '
    mkdir -p "$root/dotnet" "$root/peers" "$root/data"
    mount --bind "$dotnet" "$root/dotnet"
    mount --bind "$folder" "$root/peers"
    [ -z "${PEERS_DATA:-}" ] || mount --bind "$PEERS_DATA" "$root/data"
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    exec chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/tmp LANG=C.UTF-8 $kept DOTNET_gcServer=0 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 /dotnet/dotnet /peers/peers.dll "$@"' in-root "$@"
