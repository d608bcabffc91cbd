#!/bin/bash
# What becomes of a training by several processes when something breaks; prints a line for each case. Needs Open MPI or MPICH; 'link', 'disk' and 'alone' need root.
#   tools/cluster/faults.sh ADAPTFORMER FOLDER [kills|stop|link|disk|differ|alone]...
# ADAPTFORMER is the program's dll, FOLDER an empty folder. KILLS (20) says how often 'kills' kills.
set -u
program=$1 folder=$2
shift 2
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
recipe=(synthetic-adaptformer --set data.train=256:11:32 --set data.test=64:12:32 --set data.validation_fraction=0.1 --set tuning.bottleneck=8
    --set epochs=${EPOCHS:-12} --set batch=8 --set accumulate=4 --set save.steps=1 --set tensorboard=false)
mkdir -p "$folder"

# launch RANKS ARGUMENTS...: in the background; $launcher is its process.
launch() {
    local ranks=$1
    shift
    if [ "$ranks" = 1 ]; then dotnet "$program" train "${recipe[@]}" "$@" >>"$folder/out" 2>>"$folder/err" &
    else "${LAUNCHER:-mpirun.openmpi}" ${LAUNCHER_OPTIONS---oversubscribe} -n "$ranks" dotnet "$program" train "${recipe[@]}" "$@" >>"$folder/out" 2>>"$folder/err" &
    fi
    launcher=$!
}

ranks_of() { pgrep -f "adaptformer.dll train .*--output $1( |\$)" | while read -r p; do [ "$(cat /proc/$p/comm)" = dotnet ] && echo "$p"; done; }

newest() { ls "$1"/checkpoints 2>/dev/null | grep ^epoch | sort | tail -1; }

# Waits until the run in a folder has another checkpoint than $2, at most two minutes.
wait_for_step() { for _ in $(seq 1200); do [ "$(newest "$1")" != "$2" ] && return 0; kill -0 "$launcher" 2>/dev/null || return 1; sleep 0.1; done; return 1; }

nothing_left() { for _ in $(seq 100); do [ -z "$(ranks_of "$1")" ] && { echo "no process left"; return; }; sleep 0.1; done; echo "LEFT OVER: $(ranks_of "$1" | tr '\n' ' ')"; }

digest() { sha256sum "$1/adapter.safetensors" | cut -c1-16; }

kills() {
    local whole=$folder/whole run=$folder/kills done=0 worlds=(2 4 1) world
    launch 1 --output "$whole" --overwrite
    wait "$launcher"
    rm -rf "$run"
    for _ in $(seq "${KILLS:-20}"); do
        world=${worlds[$((done % 3))]}
        local before
        before=$(newest "$run")
        launch "$world" --output "$run" --resume
        if wait_for_step "$run" "$before"; then
            sleep "0.$((RANDOM % 9))"
            local victims
            mapfile -t victims < <(ranks_of "$run")
            [ ${#victims[@]} -gt 0 ] && kill -9 "${victims[$((RANDOM % ${#victims[@]}))]}" 2>/dev/null && done=$((done + 1))
        fi
        wait "$launcher" 2>/dev/null
        [ -n "$(ranks_of "$run")" ] && nothing_left "$run"
        [ -e "$run/summary.json" ] && break      # more EPOCHS make room for more kills
    done
    launch 2 --output "$run" --resume
    wait "$launcher"
    echo "kills: $done times kill -9 of a random rank, resumed on 1, 2 and 4 processes in turn: adapter $(digest "$run"), of one process $(digest "$whole")"
}

stop() {
    local run=$folder/stop start
    rm -rf "$run"
    launch 2 --output "$run" --set cluster.timeout=5 --set epochs=100000
    wait_for_step "$run" ""
    kill -STOP "$(ranks_of "$run" | tail -1)"
    start=$SECONDS
    wait "$launcher"
    echo "stop: code $? after $((SECONDS - start)) s; $(grep -o 'adaptformer: rank.*no answer[^:]*' "$folder/err" | tail -1); $(nothing_left "$run")"
}

# Two namespaces with a link between them; the launcher's remote daemon starts through ip netns exec. KEEPALIVE (5) is after how many seconds
# Open MPI's daemons ask each other; with a large one the processes notice the cut by their own deadline.
link() {
    local run=$folder/link start
    rm -rf "$run"
    ip netns add aff1 && ip netns add aff2 && ip link add aff1e netns aff1 type veth peer name aff2e netns aff2 || return 1
    for i in 1 2; do ip -n aff$i addr add 10.77.0.$i/24 dev aff${i}e; ip -n aff$i link set aff${i}e up; ip -n aff$i link set lo up; done
    cat >"$folder/agent" <<'A'
#!/bin/bash
shift
exec ip netns exec aff2 unshare -u bash -c "hostname aff2; $*"
A
    chmod +x "$folder/agent"
    (exec ip netns exec aff1 mpirun.openmpi --mca plm_rsh_agent "$folder/agent" --mca btl tcp,self --mca btl_tcp_if_include 10.77.0.0/24 \
        --mca oob_tcp_if_include 10.77.0.0/24 --mca oob_tcp_keepalive_time "${KEEPALIVE:-5}" --mca oob_tcp_keepalive_intvl 2 --mca oob_tcp_keepalive_probes 2 \
        --host 10.77.0.1:1,10.77.0.2:1 -n 2 dotnet "$program" train "${recipe[@]}" --output "$run" --set cluster.timeout=10 --set epochs=100000 \
        >>"$folder/out" 2>>"$folder/err") &
    launcher=$!
    wait_for_step "$run" "" || echo "link: the training did not begin"
    ip -n aff1 link set aff1e down
    start=$SECONDS
    timeout 90 tail --pid="$launcher" -f /dev/null
    wait "$launcher"
    echo "link: code $? after $((SECONDS - start)) s; $(grep -o 'adaptformer: rank.*no answer[^:]*' "$folder/err" | tail -2 | tr '\n' ';') $(nothing_left "$run"); orted: $(pgrep -c orted)"
    ip netns del aff1
    ip netns del aff2
}

disk() {
    local run=$folder/small/run
    mkdir -p "$folder/small"
    mount -t tmpfs -o size=200k tmpfs "$folder/small" || return 1
    launch 2 --output "$run"
    wait "$launcher"
    echo "disk: code $?; $(grep -o 'adaptformer: rank.*' "$folder/err" | tail -1); $(nothing_left "$run")"
    umount "$folder/small"
}

# Rank 1 is given other work: another recipe, other data, other weights, a library of the other family.
differ() {
    local run=$folder/differ start what
    for what in "--set optimizer.lr=0.5" "--set data.train=250:11:32" "ADAPTFORMER_MPI"; do
        start=$SECONDS
        if [ "$what" = ADAPTFORMER_MPI ]; then
            timeout 120 mpirun.openmpi --oversubscribe -x ADAPTFORMER_MPI=libmpich.so.12 -n 2 dotnet "$program" train "${recipe[@]}" --output "$run" >>"$folder/out" 2>>"$folder/err"
        else
            timeout 120 mpirun.openmpi --oversubscribe -n 1 dotnet "$program" train "${recipe[@]}" --output "$run" : -n 1 dotnet "$program" train "${recipe[@]}" --output "$run" $what >>"$folder/out" 2>>"$folder/err"
        fi
        echo "differ ($what): code $? after $((SECONDS - start)) s; $(grep -o 'adaptformer: rank.*' "$folder/err" | tail -1); $(nothing_left "$run")"
    done
}

# A run is resumed where rank 0 does not see it and rank 1 does, as on machines that do not share a disk, and by a program of another version
# (OTHER_PROGRAM names its dll). Where rank 1 does not see it, it goes on: rank 0 reads for all.
alone() {
    local run=$folder/alone start here=$folder/alone-host
    rm -rf "$run" "$here"
    mkdir -p "$here/empty"
    launch 2 --output "$run" --set epochs=100000
    wait_for_step "$run" "" || echo "alone: the training did not begin"
    kill -TERM "$launcher"
    wait "$launcher"
    echo "alone: stopped with code $?, $(newest "$run") is kept"

    start=$SECONDS
    timeout 120 mpirun.openmpi --oversubscribe -n 1 unshare -m bash -c "mount --bind '$here/empty' '$run' && exec dotnet '$program' train $(printf '%q ' "${recipe[@]}") --output '$run' --set epochs=100000 --resume" : \
        -n 1 dotnet "$program" train "${recipe[@]}" --output "$run" --set epochs=100000 --resume >>"$folder/out" 2>>"$folder/err"
    echo "alone (rank 0 without the run): code $? after $((SECONDS - start)) s; $(grep -o 'adaptformer: rank.*' "$folder/err" | tail -1); $(nothing_left "$run")"

    [ -n "${OTHER_PROGRAM:-}" ] || { echo "alone (other version): SKIPPED, OTHER_PROGRAM names no dll of another version"; return; }
    start=$SECONDS
    timeout 120 mpirun.openmpi --oversubscribe -n 1 dotnet "$program" train "${recipe[@]}" --output "$run" --set epochs=100000 --resume : \
        -n 1 dotnet "$OTHER_PROGRAM" train "${recipe[@]}" --output "$run" --set epochs=100000 --resume >>"$folder/out" 2>>"$folder/err"
    echo "alone (rank 1 of another version): code $? after $((SECONDS - start)) s; $(grep -o 'adaptformer: rank.*' "$folder/err" | tail -1); $(nothing_left "$run")"
}

[ $# -gt 0 ] || set -- kills stop link disk differ alone
for case in "$@"; do "$case"; done
