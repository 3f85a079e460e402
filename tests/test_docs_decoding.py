"""What docs/decoding.md shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from agentspec.cli.app import app
from tests.decoding import gbnf

PAGE = (Path(__file__).parent.parent / "docs" / "decoding.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_example_runs() -> None:
    code = next(code for code in blocks("python") if "gbnf" in code)
    shown: list[str] = []
    exec(code, {"print": shown.append})
    assert gbnf.parse(shown[0]).accepts("[Answer] Oslo\n")
    assert not gbnf.parse(shown[0]).accepts("[Thought] Oslo\n")


def test_the_least_budget_is_as_printed() -> None:
    (shown,) = blocks("text")
    command, *printed = shown.splitlines()
    result = CliRunner().invoke(app, command.removeprefix("$ agentspec ").split())
    assert result.output.splitlines() == printed
