"""``agentspec automaton``: formats, files."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from agentspec.cli.app import app
from agentspec.errors import InvalidInput


def printed(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["automaton", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_dot_and_svg_are_printed() -> None:
    assert printed("F a", "--format", "dot").startswith("digraph automaton {")
    root = ElementTree.fromstring(printed("react-zero", "--format", "svg"))
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "react-zero"


def test_output_writes_the_file_and_prints_nothing(tmp_path: Path) -> None:
    for form in ("text", "json", "hoa", "mermaid", "dot", "svg"):
        file = tmp_path / form
        assert printed("F a", "--format", form, "-o", str(file)) == ""
        assert file.read_text(encoding="utf-8") == printed("F a", "--format", form)
    assert len({file.read_text(encoding="utf-8") for file in tmp_path.iterdir()}) == 6


def test_the_files_name_says_the_format(tmp_path: Path) -> None:
    printed("F a", "--output", str(tmp_path / "a.svg"))
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    printed("F a", "--output", str(tmp_path / "a.json"))
    assert json.loads((tmp_path / "a.json").read_text())["states"] == 2
    printed("F a", "--output", str(tmp_path / "a.txt"))
    assert (tmp_path / "a.txt").read_text() == printed("F a")
    printed("F a", "--format", "dot", "--output", str(tmp_path / "a.json"))
    assert (tmp_path / "a.json").read_text().startswith("digraph")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"missing.a\.svg cannot be written: No such file"):
        CliRunner().invoke(app, ["automaton", "F a", "-o", str(tmp_path / "missing" / "a.svg")], catch_exceptions=False)


def test_finite_or_infinite_words() -> None:
    assert printed("F a", "--semantics", "finite") == printed("F a")
    infinite = json.loads(printed("G F a", "--semantics", "infinite", "--format", "json"))
    assert (infinite["semantics"], infinite["acceptance"]) == ("infinite", "buchi")
    assert infinite["accepting"], "some state is met infinitely often"
    assert "Inf(0)" in printed("G F a", "--semantics", "infinite", "--format", "hoa")
    assert "end" not in printed("G F a", "--semantics", "infinite", "--format", "hoa").split("--BODY--")[0].split()


def test_a_backend_may_be_chosen() -> None:
    assert printed("F a", "--backend", "embedded") == printed("F a", "--backend", "auto") == printed("F a")
    done = CliRunner().invoke(app, ["automaton", "F a", "--backend", "mona"])
    assert done.exit_code == 2
    assert "embedded" in done.output


def test_a_spec_says_its_own_semantics() -> None:
    for option in (["--semantics", "infinite"], ["--semantics", "finite"], ["--backend", "embedded"]):
        with pytest.raises(InvalidInput, match=f"^{option[0]} is for formulas; 'react-zero' is a spec"):
            CliRunner().invoke(app, ["automaton", "react-zero", *option], catch_exceptions=False)
