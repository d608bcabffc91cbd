#!/bin/sh
# Native code is of one level of instructions: this starts the program that fits the processor, by what the kernel lets programs use.
here=$0
if [ -L "$here" ]; then here=$(readlink -f "$here"); fi
case $here in */*) here=${here%/*} ;; *) here=$(dirname "$(command -v "$here")") ;; esac
level=x86-64-v3
while read -r name rest; do
    [ "$name" = flags ] || continue
    case " $rest " in *" avx512bw "*) case " $rest " in *" avx512vl "*) level=x86-64-v4 ;; esac ;; esac
    break
done </proc/cpuinfo
exec "$here/adaptformer-$level" "$@"
