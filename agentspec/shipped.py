"""Where the shipped specs, agents and tools lie (inside the wheel, or beside the package in a checkout), and caches."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(kind: str) -> Path:
    """The folder of shipped ``specs``, ``agents`` or ``tools``."""
    inside = _PACKAGE / "_shipped" / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def user_cache() -> Path:
    """The folder of all caches: ``AGENTSPEC_CACHE_DIR``, else the user's own."""
    chosen = os.environ.get("AGENTSPEC_CACHE_DIR")
    if not chosen:
        import platformdirs

        chosen = platformdirs.user_cache_dir("agentspec", appauthor=False)
    return expanded(chosen).absolute()


def expanded(path: str | Path) -> Path:
    """The path with ``~`` replaced; left as it is where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
