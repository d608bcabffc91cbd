"""Measures PyTorch and `adaptformer bench` in turns, A B A B; prints a Markdown table and writes JSON.

Each measurement is a process of its own. Peak memory is the kernel's high-water mark of the resident set of that process.
"""
import argparse
import dataclasses
import datetime
import fnmatch
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading

from cases import F32, SUITES

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CORE_TYPES = ("SkylakeX", "Cooperlake", "Sapphirerapids", "Zen", "Haswell", None)
CORES = len(os.sched_getaffinity(0))


class Failed(Exception):
    """A measurement that gave no figure, with the reason in one line."""


def run(command, environment, timeout):
    """Runs a process; returns its last JSON line with `peak_rss_bytes` as the kernel saw it."""
    with tempfile.TemporaryFile() as errors:
        try:
            child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, text=True)
        except OSError as error:
            raise Failed(str(error)) from None
        watchdog = threading.Timer(timeout, child.kill)
        watchdog.start()
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        watchdog.cancel()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines()
    if child.returncode != 0:
        reason = f"stopped after {timeout:.0f} s" if child.returncode == -9 else said[-1] if said else "no message"
        raise Failed(f"exit code {child.returncode}: {reason[:200]}")
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise Failed("no JSON line on standard output")
    return json.loads(lines[-1]) | {"peak_rss_bytes": usage.ru_maxrss * 1024}


def environment(core_type=None, **more):
    """This environment without any setting of BLAS or OpenMP that it happens to have, and with `core_type` for OpenBLAS."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_", "GOMP_", "MKL_", "KMP_"))}
    if core_type:
        clean["OPENBLAS_CORETYPE"] = core_type
    return clean | more


def torch_environment(core_type):
    return environment(core_type, OMP_NUM_THREADS=str(CORES), OPENBLAS_NUM_THREADS=str(CORES))


def probe_core_types(python, seconds):
    """GFLOP/s of an f32 product of ViT's shape under each core type; one that this CPU cannot run has no entry."""
    rates = {}
    for core_type in CORE_TYPES * 2:                    # two rounds, so that a busy moment does not decide
        try:
            probe = [python, os.path.join(HERE, "torch_bench.py"), "--probe", "--seconds", str(seconds)]
            name = core_type or "left to itself"
            rates[name] = max(rates.get(name, 0), run(probe, torch_environment(core_type), 60)["gflops"])
        except Failed as reason:
            print(f"core type {core_type}: {reason}", file=sys.stderr)
    if not rates:
        raise SystemExit("PyTorch could not be run; install it with: apt-get install --no-install-recommends python3-torch libopenblas0-pthread")
    return rates


def torch_run(case, peer, a):
    precision = {"autocast": "bfloat16", "bf16 weights": "bfloat16-weights"}.get(peer, "float32")
    core_type = a.best_core if peer != "as installed" else None
    command = [a.python, os.path.join(HERE, "torch_bench.py"), "--model", case.model, "--method", case.method, "--batch", str(case.batch),
               "--precision", precision, "--image-size", str(case.image_size), "--modes", *case.modes, "--seconds", str(a.seconds),
               "--min-steps", "1" if peer == "as installed" else str(a.min_steps)]
    if case.layers:
        command += ["--layers", case.layers]
    return run(command, torch_environment(core_type), a.timeout)


def our_run(case, a):
    command = ["dotnet", a.program] if a.program.endswith(".dll") else [a.program]
    command += ["bench", "--model", case.model, "--method", case.method, "--batch", str(case.batch), "--precision", case.precision, "--json"]
    command += ["--modes", *case.modes]
    if a.own_seconds is not None:
        command += ["--seconds", str(a.own_seconds)]
    if case.layers:
        command += ["--layers", case.layers]
    if case.image_size != 224:
        command += ["--image-size", str(case.image_size)]
    return run(command, environment(**case.environment), a.timeout)


def build_program():
    subprocess.run(["dotnet", "build", "-c", "Release", "--nologo", "-v", "q", os.path.join(ROOT, "src/AdaptFormer.Cli")], check=True, stdout=sys.stderr)
    return os.path.join(ROOT, "src/AdaptFormer.Cli/bin/Release/net10.0/adaptformer.dll")


def measure(cases, a):
    """Yields one record per process: case, who, repetition, and its figures or its error."""
    for case in cases:
        for repetition in range(a.repetitions):
            for who in ((*case.peers, "ours") if not a.alone else ("ours",)):
                print(f"{case.name}: repetition {repetition + 1} of {a.repetitions}, {who}", file=sys.stderr)
                record = {"case": case.name, "who": who, "repetition": repetition}
                try:
                    record |= our_run(case, a) if who == "ours" else torch_run(case, who, a)
                except Failed as reason:
                    record["error"] = str(reason)
                    print(f"  {reason}", file=sys.stderr)
                yield record


def spread(values, digits):
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def row(case, mode, peer, records):
    """One line of the table: rates, their ratio per repetition, and peak memory; the reason if a side has no figure."""
    def side(who):
        return {r["repetition"]: r for r in records if r["case"] == case.name and r["who"] == who}

    key = f"{mode}_images_per_s"
    theirs, ours = side(peer), side("ours")
    pairs = [(theirs[i], ours[i]) for i in theirs if i in ours and key in theirs[i] and key in ours[i]]
    head = [f"{case.name}", mode, peer]
    if not pairs:
        errors = [f"{who}: {r['error']}" for who, s in (("PyTorch", theirs), ("ours", ours)) for r in s.values() if "error" in r]
        rates = [spread([r[key] for r in s.values() if key in r], 2) if any(key in r for r in s.values()) else "-" for s in (theirs, ours)]
        return head + rates + ["-", "-", "-", errors[0] if errors else "no figure"]
    memory = [statistics.median(r["peak_rss_bytes"] for r in s) / 1e6 for s in zip(*pairs)]
    share = [r["share_of_matmul_limit"] for _, r in pairs if mode == "train" and isinstance(r.get("share_of_matmul_limit"), (int, float))]
    return head + [spread([t[key] for t, _ in pairs], 2), spread([o[key] for _, o in pairs], 2),
                   "**" + spread([o[key] / t[key] for t, o in pairs], 2) + "**",
                   f"{memory[0]:.0f}", f"{memory[1]:.0f} ({memory[1] / memory[0]:.2f}x)",
                   f"{statistics.median(share):.2f}" if share else "-"]


def table(cases, records):
    lines = [["case", "mode", "PyTorch setting", "PyTorch, images/s", "ours, images/s", "ours / PyTorch", "PyTorch, peak MB", "ours, peak MB", "share of limit"]]
    lines.append(["---"] * len(lines[0]))
    lines += [row(case, mode, peer, records) for case in cases for mode in case.modes for peer in case.peers]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def own_table(cases, records):
    """The table without PyTorch: rates, peak memory and share of the machine's limit."""
    lines = [["case", "mode", "images/s", "peak MB", "share of limit"], ["---"] * 5]
    for case in cases:
        for mode in case.modes:
            ours = [r for r in records if r["case"] == case.name and f"{mode}_images_per_s" in r]
            if ours:
                share = statistics.median(r[("" if mode == "train" else "predict_") + "share_of_matmul_limit"] for r in ours)
                lines.append([case.name, mode, spread([r[f"{mode}_images_per_s"] for r in ours], 2),
                              f"{statistics.median(r['peak_rss_bytes'] for r in ours) / 1e6:.0f}", f"{share:.2f}"])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


FEATURES = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16")


def machine():
    with open("/proc/cpuinfo") as info:
        lines = info.read().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
    return {"cpu": model, "features": [f for f in FEATURES if f in flags], "cores": CORES, "system": platform.platform(), "date": datetime.date.today().isoformat(), "load_before": os.getloadavg()[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", choices=SUITES, default="main")
    parser.add_argument("--cases", nargs="+", default=["*"], metavar="PATTERN", help="names or patterns, for example 'base-*'")
    parser.add_argument("--program", help="adaptformer or adaptformer.dll; built in Release if not given")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has torch")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="per mode, for PyTorch's timed steps")
    parser.add_argument("--alone", action="store_true", help="measure this program only, without PyTorch")
    parser.add_argument("--core-type", help="OpenBLAS core type for f32, known from an earlier run; measured if not given")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), help="measure all cases in this one")
    parser.add_argument("--own-seconds", type=float, help="per mode, for this program's timed steps; its own choice if not given")
    parser.add_argument("--min-steps", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=240, help="seconds until a process is stopped")
    parser.add_argument("--output", default="peers.json", help="where the JSON goes")
    a = parser.parse_args()

    cases = [c for c in SUITES[a.suite] if any(fnmatch.fnmatch(c.name, p) for p in a.cases)]
    if a.precision:
        cases = [dataclasses.replace(c, precision=a.precision, peers=F32 if a.precision == "float32" else c.peers) for c in cases]
    if not cases:
        raise SystemExit(f"no case matches {' '.join(a.cases)}; known: {', '.join(c.name for c in SUITES[a.suite])}")

    report = {"machine": machine(), "suite": a.suite}
    a.program = os.path.abspath(a.program) if a.program else build_program()
    fastest = a.core_type
    if not fastest and not a.alone:
        report["core_types_gflops"] = probe_core_types(a.python, min(1.0, a.seconds))
        fastest = max(report["core_types_gflops"], key=report["core_types_gflops"].get)
    a.best_core = fastest if fastest in CORE_TYPES else None

    records = report["measurements"] = []
    for record in measure(cases, a):
        records.append(record)
        with open(a.output, "w") as file:
            json.dump(report, file, indent=1)

    torch_version = next((r["torch"] for r in records if "torch" in r), "?")
    m = report["machine"]
    peer = "" if a.alone else f"; PyTorch {torch_version}, OpenBLAS core type: {fastest}"
    print(f"\n{m['date']}, {m['cpu']} ({', '.join(m['features'])}), {m['cores']} cores, {m['system']}{peer}.")
    print(f"Median of {a.repetitions} repetitions (smallest-largest); load before the start {m['load_before']:.1f}.\n")
    print(own_table(cases, records) if a.alone else table(cases, records))
    if any("error" in r for r in records):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
