"""``agentspec models``: what stands on stdout, what on stderr, and the exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentspec.cli import models as cli
from agentspec.engines import models
from agentspec.errors import AgentSpecError
from tests.engines.hub_server import lay_out


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("AGENTSPEC_MODEL", raising=False)


@pytest.fixture
def fetched() -> Path:
    """The default model, as far as the records say."""
    folder = models.KNOWN["smollm2-135m"].folder
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / models.RECORD).write_text('{"files": {"config.json": 2}, "load_seconds": 0.25}')
    return folder


def run(*arguments: str) -> int:
    """What the app's main does: errors of ours are printed and end with their exit status."""
    try:
        cli.app(list(arguments), standalone_mode=False)
    except AgentSpecError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    return 0


def test_list_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--json") == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said["schema_version"] == 1
    (model,) = said["models"]
    assert model == {
        "name": "smollm2-135m",
        "kind": "known",
        "parameters": 134_515_008,
        "licence": "Apache-2.0",
        "note": models.KNOWN["smollm2-135m"].note,
        "default": True,
        "cached": False,
        "folder": str(models.KNOWN["smollm2-135m"].folder),
        "bytes": None,
    }


def test_list(fetched: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    said = capsys.readouterr().out
    assert "smollm2-135m" in said
    assert "here, the default" in said
    assert "Apache-2.0" in said
    assert run("list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["models"][0]["cached"] is True
    assert fetched.is_dir()


def test_list_what_is_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (files / name).write_text("{}")
    snapshot = lay_out(tmp_path / "hub", "acme/one", files)
    converted = models.cache_folder() / "gguf-0123-1"
    converted.mkdir(parents=True)
    (converted / "config.json").write_text("{}")
    (converted / models.RECORD).write_text('{"files": {"config.json": 2}, "gguf": {"path": "/gone/x.gguf"}}')
    assert run("list", "--json") == 0
    known, *others = json.loads(capsys.readouterr().out)["models"]
    assert known["name"] == "smollm2-135m"
    assert [(one["name"], one["kind"], one["folder"]) for one in others] == [
        (str(converted), "gguf", str(converted)),
        ("acme/one", "hub", str(snapshot)),
    ]
    assert run("list") == 0
    said = capsys.readouterr().out
    assert "acme/one  here, hub" in said.replace("   ", "  ")
    assert str(snapshot) in said


def test_where_of_a_hub_id(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("where", "acme/one") == 4
    assert "agentspec models fetch acme/one" in capsys.readouterr().err


def test_opening_shows_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text("{}")
    opened = []

    class Played:
        def __init__(self, folder: Path, **settings: str) -> None:
            opened.append((folder, settings))

    monkeypatch.setattr("agentspec.engines.transformers.TransformersEngine", Played)
    cli.open_shown(str(tmp_path), device="cpu", dtype="float16", offline=True)
    assert opened == [(tmp_path, {"name": str(tmp_path), "device": "cpu", "dtype": "float16"})]
    assert capsys.readouterr().err == "", "loading alone is no news"


def test_where_not_fetched(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("where") == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert "agentspec models fetch smollm2-135m" in said.err


def test_where(fetched: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("where", "smollm2-135m") == 0
    assert capsys.readouterr().out == f"{fetched}\n"


def test_where_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setenv("AGENTSPEC_MODEL", str(tmp_path))
    assert run("where") == 0
    assert capsys.readouterr().out == f"{tmp_path}\n"


@pytest.mark.parametrize("command", ["where", "fetch"])
def test_unknown(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, "smolm2-135m") == 4
    assert "did you mean 'smollm2-135m'?" in capsys.readouterr().err


def test_fetch_of_what_is_here(fetched: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fetch") == 0
    said = capsys.readouterr()
    assert said.out == f"{fetched}\n"
    assert said.err == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_fetch_shows_its_progress_on_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    def pretend(name: str, *, progress: Any, source_file: Path | None, offline: bool) -> Path:
        assert not offline
        assert (name, source_file) == ("smollm2-135m", tmp_path / "x.gguf")
        progress("wait", 0, None)
        progress("download", 0, 92_871_040)
        progress("download", 92_871_040, 92_871_040)
        progress("verify", 1, 2)
        progress("convert", 5, 5)
        return tmp_path

    monkeypatch.setattr(models, "fetch", pretend)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert run("fetch", "--file", str(tmp_path / "x.gguf")) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path}\n"
    if not terminal:
        assert said.err.splitlines() == [
            "smollm2-135m: waiting for another process that fetches it",
            "smollm2-135m: downloading 92.9 MB",
            "smollm2-135m: verifying",
            "smollm2-135m: converting, once (half a minute or more)",
            "smollm2-135m: ready",
        ]


def test_starts_fast() -> None:
    code = "import sys; from agentspec.cli.models import app; app(['list', '--json'])"

    def once() -> float:
        """Seconds of processor time, which do not depend on what else runs."""
        before = os.times()
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(once() for _ in range(3)) < 0.5
