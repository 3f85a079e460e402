"""Files made of several: what a later one replaces, adds and keeps, and where a fault is located."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentspec.errors import InvalidInput, Location, SpecError
from agentspec.logic.parse import parse_formula
from agentspec.logic.parse_behavior import parse_behavior
from agentspec.spec.load import load, load_text
from agentspec.spec.model import Declaration

BASE = """version: 1
name: base
description: the base
steps:
  q: {by: user, cue: "[Q]"}
  t: {by: model, cue: "[T]", text: {max_chars: 10}}
  a: {by: model, cue: "[A]", choice: [yes, no]}
behavior: q t* a
propositions:
  long: {at: t, contains: "....."}
  yes: {at: a, matches: yes}
rules:
  - {id: think, ltl: F t}
  - {id: short, ltl: G !long, enforce: warn}
model: smollm2-135m
instructions: Be brief.
rendering: text
tools: [calculator]
limits: {max_tokens: 100, max_steps: 9}
"""


def written(folder: Path, **files: str) -> Path:
    """Write the files; the path of the one called ``own``."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / "own.yaml"


def own(folder: Path, more: str = "", *, base: str = BASE) -> Declaration:
    return load(str(written(folder, base=base, own=f"version: 1\nname: own\nextends: base.yaml\n{more}")))


def test_nothing_added_is_the_base_under_its_own_name(tmp_path: Path) -> None:
    found, base = own(tmp_path), load_text(BASE)
    assert (found.name, found.spec.name) == ("own", "own")
    assert (found.model, found.instructions, found.tools, found.limits, found.rendering) == (
        base.model, base.instructions, base.tools, base.limits, base.rendering,
    )  # fmt: skip
    assert [(step.name, step.content, step.cue) for step in found.spec.steps.values()] == [
        (step.name, step.content, step.cue) for step in base.spec.steps.values()
    ]
    assert found.spec.behavior == base.spec.behavior
    assert [(rule.id, rule.formula, rule.enforce) for rule in found.spec.rules] == [
        (rule.id, rule.formula, rule.enforce) for rule in base.spec.rules
    ]
    assert [declared.name for declared in found.spec.propositions] == ["long", "yes"]
    assert found.description == "the base"
    assert found.spec.digest != base.spec.digest, "a spec is all the text it was made from"


def test_what_replaces_and_what_adds(tmp_path: Path) -> None:
    found = own(
        tmp_path,
        'steps:\n  t: {by: model, cue: "[Think]", text: {max_chars: 3}}\n  u: {by: model, cue: "[U]", choice: [x]}\n'
        "behavior: q (t | u) a\n"
        'propositions:\n  long: {at: t, contains: ".."}\n  odd: {at: u, matches: x}\n'
        "rules:\n  - {id: short, ltl: G !long}\n  - {id: more, ltl: F yes}\n"
        "instructions: Be quick.\ntools: []\nlimits: {max_steps: 5, timeout: 3}\ndescription: mine\n",
    )
    spec = found.spec
    assert list(spec.steps) == ["q", "t", "a", "u"]
    assert spec.steps["t"].cue == "[Think]"
    assert spec.behavior == parse_behavior("q (t | u) a")
    assert [declared.name for declared in spec.propositions] == ["long", "yes", "odd"]
    assert [(rule.id, rule.text, rule.enforce) for rule in spec.rules] == [
        ("think", "F t", "block"), ("short", "G !long", "block"), ("more", "F yes", "block"),
    ]  # fmt: skip
    limits = found.limits
    assert (limits.max_tokens, limits.max_steps, limits.timeout, limits.max_tool_calls) == (100, 5, 3, 8)
    assert (found.instructions, found.tools, found.description) == ("Be quick.", (), "mine")
    assert (found.model, found.rendering.style) == ("smollm2-135m", "text")


def test_a_step_that_is_replaced_is_replaced_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="the key 'cue' is missing"):
        own(tmp_path, "steps:\n  t: {by: model, text: {}}\n")


def test_three_files_in_a_row(tmp_path: Path) -> None:
    middle = "version: 1\nname: middle\nextends: base.yaml\nlimits: {max_tokens: 7}\nrules: [{id: think, ltl: X t}]\n"
    path = written(
        tmp_path, base=BASE, middle=middle, own="version: 1\nname: own\nextends: middle.yaml\nlimits: {max_steps: 3}\n"
    )
    found = load(str(path))
    assert (found.limits.max_tokens, found.limits.max_steps) == (7, 3)
    assert found.spec.rules[0].formula == parse_formula("X t")


def test_the_base_lies_beside_the_file_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "base.yaml").write_text("version: 1\nname: inner\nextends: root.yaml\n")
    (tmp_path / "inner" / "root.yaml").write_text(BASE)
    path = tmp_path / "own.yaml"
    path.write_text("version: 1\nname: own\nextends: inner/base.yaml\n")
    assert list(load(str(path)).spec.steps) == ["q", "t", "a"]


def test_a_shipped_agent_can_be_extended() -> None:
    agent = load_text('version: 1\nname: own\nextends: react\nrules: [{id: twice, ltl: "F(action & X F action)"}]\n')
    react = load("react")
    assert [rule.id for rule in agent.spec.rules] == [*(rule.id for rule in react.spec.rules), "twice"]
    assert agent.tools == react.tools
    assert agent.examples == react.examples, "its examples come with it"


def test_examples_lie_beside_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "e.txt").write_text("[Q] a\n[T] b\n[A] yes\n")
    (tmp_path / "inner" / "base.yaml").write_text(BASE + "examples: e.txt\n")
    path = tmp_path / "own.yaml"
    path.write_text("version: 1\nname: own\nextends: inner/base.yaml\n")
    agent = load(str(path))
    assert (agent.examples, agent.examples_source) == ("[Q] a\n[T] b\n[A] yes\n", str(tmp_path / "inner" / "e.txt"))


# spec: and extends: -------------------------------------------------------------------------------------------------


def test_an_agent_that_names_a_spec_which_extends_another(tmp_path: Path) -> None:
    spec = "version: 1\nname: strict\nextends: base.yaml\nrules: [{id: yes, ltl: F yes}]\n"
    path = written(
        tmp_path, base=BASE, strict=spec, own="version: 1\nname: own\nspec: strict.yaml\nlimits: {max_steps: 3}\n"
    )
    found = load(str(path))
    assert (found.name, found.spec.name) == ("own", "strict")
    assert [rule.id for rule in found.spec.rules] == ["think", "short", "yes"]
    assert (found.limits.max_tokens, found.model, found.tools) == (4000, None, ()), (
        "of a spec named, only the spec counts"
    )


def test_an_agent_that_extends_an_agent_and_names_another_spec(tmp_path: Path) -> None:
    steps = '{q: {by: user, cue: "Q:"}, z: {by: model, cue: "Z:", text: {}}}'
    other = f"version: 1\nname: other\nsteps: {steps}\nbehavior: q z\n"
    path = written(
        tmp_path, base=BASE, other=other, own="version: 1\nname: own\nextends: base.yaml\nspec: other.yaml\n"
    )
    found = load(str(path))
    assert (found.spec.name, list(found.spec.steps), found.spec.rules) == ("other", ["q", "z"], ())
    assert (found.model, found.instructions) == ("smollm2-135m", "Be brief.")


def test_a_file_that_names_a_spec_adds_no_rules(tmp_path: Path) -> None:
    path = written(tmp_path, base=BASE, own="version: 1\nname: own\nspec: base.yaml\nrules: [{id: r, ltl: F a}]\n")
    with pytest.raises(SpecError, match=r"'rules' belongs to the spec.*use 'extends:' to add to it") as raised:
        load(str(path))
    assert raised.value.location == Location(str(path), 4, 1)


# Faults -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["extends", "spec"])
def test_a_circle_is_refused_where_it_closes(tmp_path: Path, key: str) -> None:
    head = "version: 1\nname: x\n"
    path = written(
        tmp_path, own=f"{head}{key}: one.yaml\n", one=f"{head}extends: two.yaml\n", two=f"{head}\nextends: own.yaml\n"
    )
    with pytest.raises(
        SpecError, match=r"'extends: own\.yaml' goes in a circle: own\.yaml → one\.yaml → two\.yaml → own"
    ) as raised:
        load(str(path))
    assert raised.value.location == Location(str(tmp_path / "two.yaml"), 4, 10)


def test_a_file_that_extends_itself(tmp_path: Path) -> None:
    path = written(tmp_path, own="version: 1\nname: x\nextends: ./own.yaml\n")
    with pytest.raises(SpecError, match="goes in a circle"):
        load(str(path))


FAULTS: list[tuple[str, str, str, str, tuple[int, int]]] = [
    ("no such file", BASE, "extends: no.yaml\n", "own", (3, 10)),
    ("behavior of the base", BASE.replace("q t* a", "q t* b"), "", "base", (8, 16)),
    ("behavior of its own", BASE, "behavior: q tt a\n", "own", (4, 13)),
    ("syntax of the base", BASE.replace("G !long", "G !(long"), "", "base", (14, 25)),
    ("rule of its own", BASE, "rules: [{id: r, ltl: F (a}]\n", "own", (4, 24)),
    ("rule id twice in one file", BASE, "rules: [{id: r, ltl: F a}, {id: r, ltl: F t}]\n", "own", (4, 33)),
    ("proposition of the base", BASE.replace('contains: "....."', 'contains: "("'), "", "base", (10, 28)),
    ("proposition of its own", BASE, "propositions: {p: {at: b, matches: x}}\n", "own", (4, 24)),
    ("key of the base", BASE + "behaviour: x\n", "", "base", (20, 1)),
    ("kind of the base", BASE.replace("choice: [yes, no]", "choice: []"), "", "base", (7, 38)),
    ("tools of its own", BASE, "tools: [x.y]\n", "own", (4, 9)),
    ("examples of the base", BASE + "examples: no.txt\n", "", "base", (20, 11)),
    ("broken yaml of the base", BASE + "x: [\n", "", "base", (21, 1)),
]


@pytest.mark.parametrize(("name", "base", "more", "file", "place"), FAULTS, ids=[case[0] for case in FAULTS])
def test_a_fault_is_located_in_the_file_that_has_it(
    tmp_path: Path, name: str, base: str, more: str, file: str, place: tuple[int, int]
) -> None:
    head = "version: 1\nname: own\n" if name == "no such file" else "version: 1\nname: own\nextends: base.yaml\n"
    path = written(tmp_path, base=base, own=head + more)
    with pytest.raises(InvalidInput) as raised:
        load(str(path))
    assert raised.value.location == Location(str(tmp_path / f"{file}.yaml"), *place), str(raised.value)


def test_a_step_taken_over_may_be_quoted_and_named_by_a_later_file(tmp_path: Path) -> None:
    found = own(
        tmp_path,
        'steps:\n  s: {by: model, cue: "[S]", span: q}\nbehavior: q s\npropositions: {p: {at: q, contains: x}}\n',
    )
    assert found.spec.steps["s"].kind == "span"


def test_a_rule_of_the_base_about_a_step_that_was_replaced_still_counts(tmp_path: Path) -> None:
    found = own(tmp_path, 'steps:\n  t: {by: model, cue: "[T]", choice: [x]}\n')
    assert found.spec.rules[0].formula == parse_formula("F t")
    assert found.spec.rules[0].location == Location(str(tmp_path / "base.yaml"), 13, 22)


def test_tools_in_files_are_named_where_they_lie(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "base.yaml").write_text(BASE.replace("[calculator]", "[./mine.py:f]"))
    path = tmp_path / "own.yaml"
    path.write_text("version: 1\nname: own\nextends: inner/base.yaml\n")
    with pytest.raises(SpecError, match="lies beside another file") as raised:
        load(str(path))
    assert raised.value.location == Location(str(tmp_path / "inner" / "base.yaml"), 18, 9)
    path.write_text("version: 1\nname: own\nextends: inner/base.yaml\ntools: [./inner/mine.py:f]\n")
    assert [tool.file for tool in load(str(path)).tools] == ["inner/mine.py"]
