"""``agentspec doctor``: what it finds, what it advises, and its exit status."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from agentspec.cli import doctor
from agentspec.cli.doctor import Check
from agentspec.engines import memory, models
from tests.engines.hub_server import lay_out

SKIPPED = ("devices",)
"""Sections that import torch: only the tests that are about them look there."""


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in doctor.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AGENTSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("AGENTSPEC_TRACE_DIR", str(tmp_path / "traces"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(doctor, "SECTIONS", {n: look for n, look in doctor.SECTIONS.items() if n not in SKIPPED})


@pytest.fixture
def fetched() -> Path:
    """The default model, as far as the records say."""
    folder = models.KNOWN["smollm2-135m"].folder
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / models.RECORD).write_text('{"files": {"config.json": 2}}')
    return folder


def examined(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, list[Check]]]:
    """Exit status and checks by name."""
    with pytest.raises(typer.Exit) as ending:
        doctor.doctor(as_json=True)
    status = ending.value.exit_code
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said["schema_version"] == 1
    found: dict[str, list[Check]] = {}
    for check in said["checks"]:
        found.setdefault(check["name"], []).append(Check(**check))
    worst = max((one.status for checks in found.values() for one in checks), key=doctor.STATUSES.index)
    assert said["status"] == worst
    assert status == (1 if worst == "problem" else 0)
    for checks in found.values():
        assert all(one.advice for one in checks if one.status == "problem"), "a problem comes with what to do"
    return status, found


@pytest.mark.usefixtures("fetched")
def test_a_machine_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = examined(capsys)
    assert status == 0
    (python,) = found["python"]
    assert sys.version.split()[0] in python.found
    for name in ("torch", "transformers", "llguidance", "pydantic", "typer"):
        assert found[name] == [Check(name, "ok", importlib.metadata.version(name))]
    assert "smollm2-135m in " in found["default model"][0].found
    assert found["model cache"][0].found == str(tmp_path / "cache" / "models")
    assert found["hub cache"][0].found == f"{tmp_path / 'hub'}, not there yet"
    assert found["trace folder"] == [Check("trace folder", "ok", f"{tmp_path / 'traces'}, made when needed")]
    assert not (tmp_path / "traces").exists()


def test_a_model_that_is_not_fetched_is_a_warning_online_and_a_problem_offline(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = examined(capsys)
    (check,) = found["default model"]
    assert (status, check.status, check.advice) == (0, "warning", "agentspec models fetch smollm2-135m")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    status, found = examined(capsys)
    assert (status, found["default model"][0].status) == (1, "problem")


def test_a_default_that_is_no_model(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AGENTSPEC_MODEL", "smolm2-135m")
    status, found = examined(capsys)
    assert status == 1
    assert "did you mean 'smollm2-135m'?" in found["default model"][0].found


def test_what_lies_in_the_caches(fetched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (files / name).write_bytes(b"x" * 1_000_000)
    lay_out(tmp_path / "hub", "acme/one", files)
    damaged = fetched.with_name("gguf-0123-1")
    damaged.mkdir()
    status, found = examined(capsys)
    assert status == 0
    assert [check.found for check in found["hub model"]] == ["acme/one, 3 MB"]
    assert [check.status for check in found["model"]] == ["ok", "warning"]
    assert str(damaged) in (found["model"][1].advice or "")


def test_packages_that_are_missing_or_old(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    required = ["rich>=99", "no-such-package>=1.0", 'pytest>=8; extra == "dev"', "typer>=0.1"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: required)
    status, found = examined(capsys)
    assert status == 1
    (rich,), (missing,) = found["rich"], found["no-such-package"]
    assert (rich.status, missing.status, missing.found) == ("problem", "problem", "not installed")
    assert rich.found.endswith(", agentspec needs >=99")
    assert rich.advice == f'{sys.executable} -m pip install "rich>=99"'
    assert missing.advice == f'{sys.executable} -m pip install "no-such-package>=1.0"'
    assert found["typer"][0].status == "ok"
    assert "pytest" not in found


def test_folders_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AGENTSPEC_TRACE_DIR", str(tmp_path / "file" / "traces"))
    status, found = examined(capsys)
    assert status == 1
    assert found["trace folder"][0].advice == "set AGENTSPEC_TRACE_DIR to another folder"


def test_little_room(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10**8)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10**8}))
    status, found = examined(capsys)
    assert status == 0
    assert found["memory"][0].status == found["disk"][0].status == "warning"


@pytest.mark.parametrize(
    ("names", "status", "said"),
    [
        (("ltlf_to_mtdfa", "version"), "ok", "2.14"),
        (("from_ltlf", "translate", "version"), "ok", "without ltlf_to_mtdfa"),
        ((), "warning", "is not the automata library"),
    ],
)
def test_spot(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], names: tuple[str, ...], status: str, said: str
) -> None:
    played = ModuleType("spot")
    for name in names:
        setattr(played, name, lambda: "2.14")
    real = doctor.importlib.util.find_spec
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: name == "spot" or real(name))
    monkeypatch.setitem(sys.modules, "spot", played)
    (check,) = examined(capsys)[1]["Spot"]
    assert check.status == status
    assert said in check.found


def test_a_spot_that_does_not_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spot.py").write_text("raise SyntaxError('print is a function')")
    monkeypatch.syspath_prepend(str(tmp_path))
    (check,) = examined(capsys)[1]["Spot"]
    assert check.status == "warning"
    assert "print is a function" in check.found


def test_settings_are_shown_and_secrets_are_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("HF_TOKEN", "hf_very-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://me:very-secret@host/v1")
    monkeypatch.setenv("AGENTSPEC_LOG_LEVEL", "loud")
    with pytest.raises(typer.Exit):
        doctor.doctor(as_json=False)
    shown = capsys.readouterr().out
    assert "very-secret" not in shown
    status, found = examined(capsys)
    assert status == 0
    assert "very-secret" not in str(found)
    assert found["OPENAI_API_KEY"][0].found.startswith("set (not shown)")
    assert found["OPENAI_BASE_URL"][0].found.startswith("http://host/v1")
    assert found["AGENTSPEC_LOG_LEVEL"][0].status == "warning"
    assert "HF_HOME" not in found


def test_a_section_that_fails_is_a_problem_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Iterator[Check]:
        yield Check("first", "ok", "here")
        raise OSError("libcudart.so: cannot open")

    monkeypatch.setattr(doctor, "SECTIONS", {"broken": broken, **doctor.SECTIONS})
    status, found = examined(capsys)
    assert status == 1
    assert found["first"][0].status == "ok"
    assert found["broken"][0].found == "OSError: libcudart.so: cannot open"
    assert found["python"][0].status == "ok"


def test_an_engine_that_does_not_import(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "SECTIONS", {"devices": doctor._devices})
    monkeypatch.setitem(sys.modules, "torch", None)
    status, found = examined(capsys)
    assert status == 1
    (check,) = found["import torch"]
    assert check.advice == f"{sys.executable} -m pip install --force-reinstall torch"


@pytest.mark.usefixtures("fetched")
def test_the_whole_of_it_without_a_terminal() -> None:
    code = "import typer; from agentspec.cli.doctor import doctor; typer.run(doctor)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "40"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert "\x1b" not in done.stdout
    assert [line for line in lines if line.startswith("ok ") and " device " in line and "cpu: " in line]
    assert lines[-1].startswith("An agent can run here: ")
    assert done.stderr == ""


def test_requirements_with_extras_and_such_as_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["typer[all]>=0.1", "rich (>=1.0)", "numpy>=1; python_version>'3'", "!nonsense"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _name: lines)
    _, checks = examined(capsys)
    found = {check.name: check.status for several in checks.values() for check in several}
    assert {name: found[name] for name in ("typer", "rich", "numpy")} == {"typer": "ok", "rich": "ok", "numpy": "ok"}
    assert found["!nonsense"] == "warning"
