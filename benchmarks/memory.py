"""The resident memory of this process, where the kernel tells it (Linux)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


def resident() -> int | None:
    """Return the bytes that are resident now; None where nobody tells."""
    return _field("VmRSS")


def peak() -> int | None:
    """Return the most bytes since the start or `forget_peak`; None: nobody tells."""
    return _field("VmHWM")


def forget_peak() -> None:
    """Let the peak begin anew with what is resident now, where the kernel can."""
    with suppress(OSError):
        CLEAR.write_text("5")


def _field(name: str) -> int | None:
    with suppress(OSError):
        for line in STATUS.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024

    return None
