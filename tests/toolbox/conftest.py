"""Folders of tools, a state folder of their own for every test, and distributions that are not installed."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentspec.content.tool_ref import parse_tool_ref
from agentspec.toolbox.lock import lock, plan_agent

PAY = '''"""Tools of a test."""

from json import dumps


def pay(to: str) -> str:
    """Pay somebody.

    Args:
        to: a name
    """
    return dumps(to)


def _private(x):
    return x
'''
Lock = Callable[..., None]
Install = Callable[..., Path]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("AGENTSPEC_STATE_DIR", str(folder))
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The folder of an agent, with a file of one tool."""
    folder = tmp_path / "agent"
    folder.mkdir()
    (folder / "my_tools.py").write_text(PAY)
    return folder


@pytest.fixture
def locks(here: Path) -> Lock:
    """Locks the tools that an agent in the folder would name."""

    def locking(*texts: str) -> None:
        lock(plan_agent(here / "agent.yaml", [parse_tool_ref(text) for text in texts]))

    return locking


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a folder on sys.path that looks like an installed distribution with one module, forgotten afterwards."""
    modules: set[str] = set()

    def installing(
        name: str, code: str, points: str, version: str = "1.0", metadata: str | None = None, at: Path | None = None
    ) -> Path:
        site = at or tmp_path / f"site-{name}"
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (site / f"{name}_code.py").write_text(code)
        (info / "METADATA").write_text(metadata or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[agentspec.tools]\n{points}\n")
        monkeypatch.syspath_prepend(str(site))
        sys.modules.pop(f"{name}_code", None)  # of another test, if it is there
        modules.add(f"{name}_code")
        return site

    yield installing
    for module in modules:
        sys.modules.pop(module, None)
