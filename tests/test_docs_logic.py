"""Every example of docs/logic.md does what the page says.

Blocks are ``ltl`` (a formula, words that satisfy or violate it, formulas that mean the same), ``rule`` (a rule by name
or in words with its formula and sentence) and ``check`` (rules for the page's file, and what check says of them).
Blocks of YAML are examined by ``test_shipped``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from agentspec.cli.app import app
from agentspec.logic.formula import Formula, atoms
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds, holds_on_lasso
from agentspec.logic.sugar import Said, lower_deny, lower_require, substituted
from agentspec.logic.templates import TEMPLATES, template

PAGE = (Path(__file__).parent.parent / "docs" / "logic.md").read_text(encoding="utf-8")
MARKS = ("yes", "no", "same", "view", "says")
FOR_EVER = ", then for ever:"


@dataclass
class Block:
    """What stands in a fenced block: its first lines, and the marked lines that follow, by mark."""

    head: str
    marked: list[tuple[str, str]] = field(default_factory=list)

    def lines(self, mark: str) -> list[str]:
        return [text for found, text in self.marked if found == mark]


def blocks(kind: str, marks: tuple[str, ...] = MARKS) -> list[Any]:
    found = []
    for text in re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        head, marked = [], []
        for line in text.splitlines():
            mark, _, rest = line.partition(": ")
            if mark in marks:
                marked.append((mark, rest.strip()))
            else:
                assert not marked, f"{line!r} stands behind marked lines"
                head.append(line)
        found.append(pytest.param(Block("\n".join(head), marked), id=f"{len(found)}: {head[0]}"))
    return found


def letters(text: str) -> list[frozenset[str]]:
    return [frozenset() if letter == "-" else frozenset(letter.split("+")) for letter in text.split()]


def satisfies(formula: Formula, word: str, view: list[str] | None = None) -> bool:
    if FOR_EVER in word:
        prefix, loop = word.split(FOR_EVER)
        return holds_on_lasso(formula, letters(prefix), letters(loop))
    seen = [letter for letter in letters(word) if view is None or not letter.isdisjoint(view)]
    return holds(formula, seen)


def means_the_same(one: Formula, other: Formula) -> bool:
    names = sorted({*atoms(one), *atoms(other)})
    every = [{n for n, held in zip(names, row, strict=True) if held}
             for row in product((False, True), repeat=len(names))]  # fmt: skip
    return all(holds(one, word) == holds(other, word) for n in (1, 2, 3, 4) for word in product(every, repeat=n))


@pytest.mark.parametrize("block", blocks("ltl"))
def test_a_formula_and_its_words(block: Block) -> None:
    formula = parse_formula(block.head)
    views = block.lines("view")
    for mark, word in block.marked:
        if mark in ("yes", "no"):
            assert satisfies(formula, word, views[0].split() if views else None) == (mark == "yes"), word
        elif mark == "same":
            assert means_the_same(formula, parse_formula(word)), word
    assert block.marked


@pytest.mark.parametrize("block", blocks("rule", ("yes", "no")))
def test_a_rule_by_name_or_in_words(block: Block) -> None:
    rule = _plain(block.head)
    said = _lowered(rule)
    formula = said.formula
    for variable, values in rule.get("for", {}).items():
        [value] = values
        formula = substituted(formula, variable, value)
    assert formula == parse_formula(rule["ltl"])
    if "says" in rule:
        assert said.sentence == rule["says"]
    for mark, word in block.marked:
        assert satisfies(formula, word) == (mark == "yes"), word


def _plain(text: str) -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return read


def _lowered(rule: dict[str, Any]) -> Said:
    if "template" in rule:
        one = template(rule["template"])
        return Said(one.build(rule["params"]), one.sentence(rule["params"]))
    words = {
        key: value for key, value in rule.items() if key in ("deny", "require", "when", "unless", "before", "after")
    }
    return lower_deny(**words) if "deny" in words else lower_require(**words)


@pytest.mark.parametrize("block", blocks("check"))
def test_what_check_says(block: Block, tmp_path: Path) -> None:
    [file] = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[:1]
    rules = "".join(f"  {line}\n" for line in block.head.splitlines())
    changed = re.sub(r"^rules:\n(  - .*\n)+", f"rules:\n{rules}", file, flags=re.MULTILINE)
    assert changed != file
    place = tmp_path / "desk.yaml"
    place.write_text(changed, encoding="utf-8")
    done = CliRunner().invoke(app, ["check", str(place)], catch_exceptions=False)
    assert block.lines("says")
    for line in block.lines("says"):
        assert line in done.output


def test_the_page_names_only_templates_that_exist_and_all_signs() -> None:
    named = {name for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for name in re.findall(r"`(\w+) \{", row)}
    assert named <= set(TEMPLATES)
    assert len(named) >= 9
    for sign in "XNFGUWRMYZOHSB":
        assert re.search(rf"`[^`]*\b{sign}\b[^`]*`", PAGE), sign


def test_there_is_something_to_test() -> None:
    assert len(blocks("ltl")) > 20
    assert len(blocks("rule")) > 10
    assert len(blocks("check")) >= 5
    infinite = [block for block in blocks("ltl") if FOR_EVER in str(block.values[0].marked)]
    assert len(infinite) >= 3
