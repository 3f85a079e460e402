"""Where a model runs and in which numbers; torch is given by the caller, so that nothing here imports it."""

from __future__ import annotations

import re
from typing import Any

from agentspec.errors import EngineFault, InvalidInput, nearest

DEVICES = ["auto", "cpu", "cuda", "cuda:N", "mps"]
DTYPES = ["auto", "float32", "bfloat16", "float16"]


def check_names(device: str, dtype: str) -> None:
    """Raises InvalidInput for a device or dtype that exists nowhere; needs no torch."""
    if device != "auto" and re.fullmatch(r"cpu|cuda(:[0-9]{1,3})?|mps", device) is None:
        raise InvalidInput(f"unknown device '{device}'{nearest(device, DEVICES)}")
    if dtype not in DTYPES:
        raise InvalidInput(f"unknown dtype '{dtype}'{nearest(dtype, DTYPES)}")


def choose_device(torch: Any, asked: str) -> str:
    """``cpu``, ``cuda:N`` or ``mps``. ``auto`` is a GPU where there is one: CUDA before Apple's, else the CPU.

    Raises InvalidInput for a name that is none, EngineFault for a device that is not there.
    """
    found = _found(torch)
    if asked == "auto":
        return found[0]
    check_names(asked, "auto")
    wanted = "cuda:0" if asked == "cuda" else asked
    if wanted not in found:
        raise EngineFault(f"the device '{asked}' is not available: {_why(torch, asked)}; here: {', '.join(found)}")
    return wanted


def choose_dtype(torch: Any, asked: str, device: str) -> str:
    """The name of a torch dtype. ``auto``: float32, on CUDA bfloat16 where the GPU has it and else float16.

    Raises InvalidInput for a name that is none of these.
    """
    check_names("auto", asked)
    if asked != "auto":
        return asked
    if not device.startswith("cuda"):
        return "float32"
    major, _minor = torch.cuda.get_device_capability(device)
    return "bfloat16" if major >= 8 or torch.version.hip else "float16"


def _found(torch: Any) -> list[str]:
    """The devices of this machine, the one to prefer first."""
    cuda = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return [*cuda, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def _why(torch: Any, asked: str) -> str:
    if asked == "mps":
        return "it is Apple's GPU" if not torch.backends.mps.is_built() else "macOS offers none here"
    if torch.version.cuda is None and torch.version.hip is None:
        return f"this torch ({torch.__version__}) is built without CUDA"
    return "there is no such GPU" if torch.cuda.is_available() else "torch finds no GPU that it can use"


def describe(torch: Any) -> list[dict[str, Any]]:
    """The devices of this machine for display: ``name``, ``what`` and, where known, ``memory`` in bytes."""
    shown: list[dict[str, Any]] = []
    for name in _found(torch):
        if name == "cpu":
            shown.append({"name": name, "what": f"{torch.get_num_threads()} threads", "memory": None})
        elif name == "mps":
            shown.append({"name": name, "what": "Apple GPU", "memory": None})
        else:
            facts = torch.cuda.get_device_properties(name)
            shown.append({"name": name, "what": str(facts.name), "memory": int(facts.total_memory)})
    return shown
