"""Tools of installed distributions: entry points of the group ``agentspec.tools``, read without importing any."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from agentspec.reading import note_environment

GROUP = "agentspec.tools"


@dataclass(frozen=True)
class InstalledTool:
    """An entry point: ``value`` is ``module:function``."""

    name: str
    distribution: str
    version: str
    value: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} ({self.value})"


def installed_tools(beside: Path | None = None) -> dict[str, tuple[InstalledTool, ...]]:
    """The installed tools by name; more than one where several distributions offer that name.

    A distribution that lies in the folder ``beside`` or in the current one is not counted: it came with the agent and
    nobody installed it. One whose metadata cannot be read is left out.
    """
    note_environment()
    own = {_real(folder) for folder in (beside, Path()) if folder is not None}
    found: dict[str, tuple[InstalledTool, ...]] = {}
    seen: set[str] = set()
    for distribution in distributions():
        offered = _offered(distribution, own)
        key = re.sub(r"[-_.]+", "-", offered[0].distribution).lower() if offered else ""
        if key in seen:
            continue
        seen |= {key} if offered else set()
        for tool in offered:
            found[tool.name] = (*found.get(tool.name, ()), tool)
    return found


def _offered(distribution: Distribution, own: set[str]) -> list[InstalledTool]:
    try:
        points = [point for point in distribution.entry_points if point.group == GROUP]
        if not points or _real(Path(str(distribution.locate_file("")))) in own:
            return []
        return [
            InstalledTool(point.name, distribution.metadata["Name"] or "?", distribution.version, point.value)
            for point in points
        ]
    except Exception:  # metadata of somebody else's, broken in any way
        return []


def _real(folder: Path) -> str:
    try:
        return str(folder.resolve())
    except (OSError, RuntimeError):
        return str(folder)
