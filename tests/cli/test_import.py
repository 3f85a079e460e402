"""``agentspec import`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentspec.cli.app import app
from agentspec.errors import InvalidInput
from tests.spec.test_notation import REACT

cli = CliRunner()


def test_what_it_writes_is_a_sound_spec(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(REACT.replace("\n", "\r\n"))
    out = tmp_path / "a.yaml"
    done = cli.invoke(app, ["import", str(tmp_path / "a.txt"), "-o", str(out)])
    assert done.exit_code == 0
    assert done.stdout == f"wrote {out}\n"
    assert "note: Act and Act-Inp are read as a tool's name and its arguments" in done.stderr
    assert cli.invoke(app, ["check", str(out)]).exit_code == 0
    again = cli.invoke(app, ["import", str(tmp_path / "a.txt"), "-o", str(out)])
    assert isinstance(again.exception, InvalidInput)
    assert "exists already" in str(again.exception)


def test_a_pipe_and_an_object() -> None:
    done = cli.invoke(app, ["import", "-"], input=REACT)
    assert done.stdout.startswith("# From the notation")
    shown = json.loads(cli.invoke(app, ["import", "-", "--json"], input=REACT).stdout)
    assert shown["yaml"] == done.stdout
    assert shown["name"] == "react-agent"
    assert len(shown["notes"]) == 3
    assert shown["schema_version"] == 1


def test_one_of_several_is_chosen(tmp_path: Path) -> None:
    file = tmp_path / "two.txt"
    file.write_text(REACT + REACT.replace("react-agent", "other"))
    assert "choose one with --name: react-agent, other" in str(cli.invoke(app, ["import", str(file)]).exception)
    assert "name: other\n" in cli.invoke(app, ["import", str(file), "--name", "other"]).stdout
    assert "did you mean 'other'" in str(cli.invoke(app, ["import", str(file), "--name", "othr"]).exception)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfe", "x.txt:1:1: not UTF-8: this byte is 0xff"),
        (b"a\n\xc3\xa9 \xe9", "x.txt:2:3: not UTF-8: this byte is 0xe9"),
        (None, "cannot be read"),
        (b" " * 1_000_001, "at most 1000000 bytes are read"),
    ],
)
def test_files_that_are_none(tmp_path: Path, data: bytes | None, message: str) -> None:
    file = tmp_path / "x.txt"
    if data is not None:
        file.write_bytes(data)
    assert message in str(cli.invoke(app, ["import", str(file)]).exception)


def test_a_file_without_an_end() -> None:
    assert "at most 1000000 bytes" in str(cli.invoke(app, ["import", "/dev/zero"]).exception)
