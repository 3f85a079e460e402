"""How much memory a process may still take, how much a model's weights will, and giving back what is not needed."""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import struct
from pathlib import Path
from typing import Any

CONTROL_GROUP = Path("/sys/fs/cgroup")


def available() -> int | None:
    """Bytes of memory (swap included) that can still be had, within the container's limit; None where unknown."""
    return min((found for found in (_system(), _container()) if found is not None), default=None)


def _system() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
        return (kilobytes["MemAvailable"] + kilobytes.get("SwapFree", 0)) * 1024
    except (OSError, ValueError, LookupError):
        pass
    try:
        import psutil  # type: ignore[import-untyped]  # optional: /proc comes first

        return int(psutil.virtual_memory().available)
    except Exception:  # not installed, or not for this system
        return None


def _container() -> int | None:
    """What the limit of a control group (version 2) leaves; pages of files can be dropped and count as free."""
    try:
        limit = int((CONTROL_GROUP / "memory.max").read_text(encoding="ascii"))
        taken = int((CONTROL_GROUP / "memory.current").read_text(encoding="ascii"))
        lines = (CONTROL_GROUP / "memory.stat").read_text(encoding="ascii").splitlines()
        pages = {line.split()[0]: int(line.split()[1]) for line in lines}
        return max(0, limit - taken + pages.get("inactive_file", 0) + pages.get("active_file", 0))
    except (OSError, ValueError, LookupError):  # "max": no limit
        return None


def give_back() -> None:
    """Give freed memory back to the system, where the C library keeps it (glibc): some milliseconds."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another library, without such a function
        ctypes.CDLL(None).malloc_trim(0)


def parameters(folder: Path) -> int | None:
    """The number of weights in a folder's safetensors; None for other formats and quantised ones."""
    try:
        config: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if not isinstance(config, dict) or "quantization_config" in config:
            return None
        files = [folder / "model.safetensors"]
        if not files[0].is_file():
            index: Any = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
            files = [folder / name for name in sorted(set(index["weight_map"].values()))]
        return sum(_weights(file) for file in files)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, struct.error):
        return None


def _weights(file: Path) -> int:
    """The number of weights in one file: its first eight bytes are the length of the JSON that lists them."""
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > file.stat().st_size:
            raise ValueError(f"{file} is cut short")
        header = json.loads(stream.read(length))
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
