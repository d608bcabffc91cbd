"""Runs measurements, each in a process of its own: what growth.py and loading.py share."""
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CORES = len(os.sched_getaffinity(0))
FEATURES = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16")


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


def environment(**more):
    """This environment without any setting of BLAS or OpenMP that it happens to have."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_", "GOMP_", "MKL_", "KMP_"))} | more


def build_program():
    subprocess.run(["dotnet", "build", "-c", "Release", "--nologo", "-v", "q", os.path.join(ROOT, "src/AdaptFormer.Cli")], check=True, stdout=sys.stderr)
    return os.path.join(ROOT, "src/AdaptFormer.Cli/bin/Release/net10.0/adaptformer.dll")


def spread(values, digits):
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def machine():
    with open("/proc/cpuinfo") as info:
        lines = info.read().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
    return {"cpu": model, "features": [f for f in FEATURES if f in flags], "cores": CORES, "system": platform.platform(),
            "date": datetime.date.today().isoformat(), "load_before": os.getloadavg()[0]}
