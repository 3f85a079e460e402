"""The file a name stands for: an existing one, or a shipped agent or spec."""

from __future__ import annotations

import re
from pathlib import Path

from agentspec.errors import InvalidInput, nearest
from agentspec.reading import note
from agentspec.shipped import folder

_SHIPPED = re.compile(r"[A-Za-z0-9_-]{1,60}")


def resolve(name: str, *, kinds: tuple[str, ...] = ("agents", "specs")) -> Path:
    """The file a name stands for: an existing file, else a shipped agent or spec.

    Raises InvalidInput with the nearest shipped name.
    """
    path = existing_file(name)
    if path is not None:
        return path
    for kind in kinds:
        shipped = folder(kind) / f"{name}.yaml"
        if _SHIPPED.fullmatch(name):
            if shipped.is_file():
                return shipped
            note(shipped)
    choices = sorted({file.stem for kind in kinds for file in folder(kind).glob("*.yaml")} | _here())
    what = " or ".join(kind.removesuffix("s") for kind in kinds)
    lead = f"'{name}' is a folder" if _is_folder(name) else f"no file and no shipped {what} is called '{name}'"
    raise InvalidInput(f"{lead}{nearest(name, choices)}")


def _is_folder(name: str) -> bool:
    try:
        return bool(name) and Path(name).expanduser().is_dir()
    except (OSError, RuntimeError, ValueError):
        return False


def _here() -> set[str]:
    """The YAML files of the current folder, which may have been meant."""
    try:
        return {file.name for file in sorted(Path().glob("*.yaml"))[:20]}
    except OSError:
        return set()


def existing_file(name: str, beside: Path | None = None) -> Path | None:
    """The existing file of that name, ``~`` expanded, or None; a name that can be no path is none."""
    try:
        path = Path(name).expanduser()
        path = path if beside is None else beside / path
        if path.is_file():
            return path
        note(path)
        return None
    except (OSError, RuntimeError, ValueError):
        return None
