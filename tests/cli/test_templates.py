"""``agentspec templates``: list, one of them, JSON, Markdown, errors."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentspec.cli.app import app
from agentspec.errors import InvalidInput
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from agentspec.logic.templates import TEMPLATES
from tests.cli.process import Place


def printed(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["templates", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_list_has_a_line_for_each() -> None:
    head, *lines = printed().splitlines()
    assert head.split() == ["name", "parameters", "says", "formula"]
    assert [line.split()[0] for line in lines] == list(TEMPLATES)
    assert all(line == line.rstrip() for line in lines)
    response = next(line for line in lines if line.startswith("response "))
    assert re.split(r"\s{2,}", response) == [
        "response", "a, b", "Each a is followed by b, at once or later.", "G(a -> F b)",
    ]  # fmt: skip


@pytest.mark.parametrize("name", TEMPLATES)
def test_one_is_told_with_its_scopes(name: str) -> None:
    told = printed(name)
    one = TEMPLATES[name]
    assert told.startswith(f"{name}: {one.sentence(one.placeholders())}\n")
    assert f"template: {name}, params: {{" in told
    for scope in ("  before: r\n", "  after: q\n", "  between: [q, r]\n", "  after: q, until: r\n"):
        assert scope in told
    assert one.text("between") in told
    assert one.source in told


def test_one_by_another_name() -> None:
    assert printed("end") == printed("last")


def test_json_holds_formulas_that_can_be_read_and_words_that_show_them() -> None:
    shape = json.loads(printed("--json"))
    assert shape["schema_version"] == 1
    assert [one["name"] for one in shape["templates"]] == list(TEMPLATES)
    for one in shape["templates"]:
        formula = parse_formula(one["formula"])
        assert holds(formula, one["satisfied_by"])
        assert not holds(formula, one["violated_by"])
        assert set(one["scopes"]) == {"globally", "before", "after", "between", "after-until"}
        for scope in one["scopes"].values():
            built = TEMPLATES[one["name"]].build({**_own(one), **scope["params"]})
            assert built == parse_formula(scope["formula"])
        assert all(p["kind"] in ("formula", "count") for p in one["parameters"])
    [alone] = json.loads(printed("at_most", "--json"))["templates"]
    assert alone["parameters"] == [
        {"name": "n", "kind": "count", "required": True, "minimum": 0, "default": None},
        {"name": "a", "kind": "formula", "required": True},
    ]


def _own(one: dict) -> dict:  # type: ignore[type-arg]
    return {p["name"]: p["name"] if p["kind"] == "formula" else p["default"] or 2 for p in one["parameters"]}


def test_markdown_is_a_table() -> None:
    lines = printed("--markdown").splitlines()
    assert len(lines) == len(TEMPLATES) + 2
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in lines)
    one = printed("choice", "--markdown").splitlines()
    assert one[0] == "## choice"
    table = [line for line in one if line.startswith("|")]
    assert len(table) == 7
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in table)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="unknown template 'presedence'; did you mean 'precedence'"):
        CliRunner().invoke(app, ["templates", "presedence"], catch_exceptions=False)
    with pytest.raises(InvalidInput, match="one of them"):
        CliRunner().invoke(app, ["templates", "--json", "--markdown"], catch_exceptions=False)


def test_as_a_process(tmp_path: Path) -> None:
    place = Place(tmp_path)
    done = place.agentspec("templates", "nothing")
    assert done.code == 2
    assert done.err.startswith("error: unknown template 'nothing'")
    assert done.out == ""
    fine = place.agentspec("templates", "response", "--json")
    assert fine.code == 0
    assert fine.shape["templates"][0]["formula"] == "G(a -> F b)"
