"""What the figures hold for: versions, and the machine."""

from __future__ import annotations

import multiprocessing
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from statistics import median

ABSENT = "not installed"
CPUINFO = Path("/proc/cpuinfo")


def describe() -> Mapping[str, str]:
    """Name what the figures depend on."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "asyncflow": version("asyncflow"),
        "anyio": version("anyio"),
        "numpy": version("numpy"),
        "os": platform.platform(),
        "cpu": f"{cpus()} usable of {os.cpu_count()}, {cpu_model()}",
        "load average": load_average(),
        "start method of the pool": start_method(),
        "start of an idle interpreter": f"{interpreter_start() * 1e3:.0f} ms",
    }


def version(package: str) -> str:
    """Return a package's version; asyncflow may run from its source tree."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "as in this folder" if package == "asyncflow" else ABSENT


def cpus() -> int:
    """Count the CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))

    return os.cpu_count() or 1


def cpu_model() -> str:
    """Name the CPU's model, as far as it is known."""
    if CPUINFO.exists():
        for line in CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()

    return platform.processor() or platform.machine()


def load_average() -> str:
    """Tell how busy the machine was before."""
    if not hasattr(os, "getloadavg"):
        return "unknown"

    return " ".join(f"{load:.2f}" for load in os.getloadavg())


def start_method() -> str:
    """Name how `ProcessPoolExecutor` starts its processes here."""
    return f"{multiprocessing.get_start_method()}, the platform's default"


def interpreter_start() -> float:
    """Measure what every cold start contains: an interpreter that does nothing."""
    return median(_interpreter_start() for _ in range(5))


def _interpreter_start() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - start
