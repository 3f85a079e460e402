"""Declared predicates: where they may stand, what they read, and the letters they make."""

from __future__ import annotations

import pytest

from agentspec import limits
from agentspec.automata.letter import Letter
from agentspec.content.language import matches
from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import InvalidInput, SpecError, TooLarge
from agentspec.spec.alphabet import Alphabet, alphabet
from agentspec.spec.load import load_text

HEAD = """version: 1
name: one
steps:
  q: {by: user, cue: "[Q]"}
  t: {by: model, cue: "[T]", text: {max_chars: 30}}
  p: {by: model, cue: "[P]", text: {max_chars: 30, max_lines: 3}}
  f: {by: model, cue: "[F]", free: "</f>"}
  c: {by: model, cue: "[C]", choice: [yes, no, yes please]}
  j: {by: model, cue: "[J]", json_schema: {type: object, properties: {n: {type: integer}, s: {type: string}}}}
  n: {by: model, cue: "[N]", tool: name}
  i: {by: model, cue: "[I]", tool: arguments}
  k: {by: model, cue: "[K]", tool: call}
  o: {by: tool, cue: "[O]"}
  s: {by: model, cue: "[S]", span: o}
behavior: q (t | p | f | c | j | n i o s | k o s)*
propositions:
"""
PAY = {"type": "object", "properties": {"amount": {"type": "number", "minimum": 0}, "to": {"type": "string"}}}
SCHEMAS = {
    "pay": ToolSchema("pay", "Pays.", {**PAY, "required": ["amount"]}),
    "look": ToolSchema("look", "Looks.", {"type": "object", "properties": {}}),
}


def made(*propositions: str) -> Alphabet:
    text = HEAD + "".join(f"  {line}\n" for line in propositions)
    return alphabet(load_text(text, "p.yaml").spec, SCHEMAS)


def letters(found: Alphabet, step: str, tool: str | None = None) -> list[Letter]:
    return [letter for letter in found.letters if letter.step == step and tool in (None, letter.tool)]


def held(found: Alphabet, step: str, tool: str | None = None) -> set[frozenset[str]]:
    """The valuations of declared propositions at a step."""
    own = {name for name in found.propositions if name in ("a", "b", "c1")}
    return {letter.true & own for letter in letters(found, step, tool)}


def sets(*names: str) -> set[frozenset[str]]:
    return {frozenset(name.split()) for name in names}


# Letters ------------------------------------------------------------------------------------------------------------


def test_a_valuation_that_no_text_has_is_no_letter() -> None:
    found = made("a: {at: c, matches: yes}", "b: {at: c, contains: yes}", "c1: {at: c, matches: maybe}")
    assert held(found, "c") == sets("", "b", "a b")
    texts = {letter.true & {"a", "b"}: found.contents[letter] for letter in letters(found, "c")}
    assert matches(texts[frozenset()], "no")
    assert matches(texts[frozenset({"a", "b"})], "yes")
    assert matches(texts[frozenset({"b"})], "yes please")
    assert not matches(texts[frozenset({"b"})], "yes")


def test_a_predicate_reads_what_is_said_not_how_it_stands_in_the_transcript() -> None:
    lines = made('a: {at: p, contains: "x\\\\ny"}', 'b: {at: p, contains: "x\\\\n "}')
    texts = {letter.true & {"a", "b"}: found for letter, found in lines.contents.items() if letter.step == "p"}
    assert matches(texts[frozenset({"a"})], "x\n  y")
    assert matches(texts[frozenset({"b"})], "x\n   y")
    assert matches(texts[frozenset()], "x y")
    free = made("a: {at: f, matches: 'x*'}", "b: {at: f, contains: f}")
    texts = {letter.true & {"a", "b"}: found for letter, found in free.contents.items() if letter.step == "f"}
    assert matches(texts[frozenset({"a"})], "xx</f>")
    assert matches(texts[frozenset({"a"})], "</f>")
    assert matches(texts[frozenset({"b"})], "of</f>")
    assert matches(texts[frozenset()], "ab</f>"), "the delimiter is not read"


def test_arguments_are_compared_by_value() -> None:
    found = made(
        "a: {at: [i, k], tool: pay, where: {amount: {exclusiveMinimum: 100}}}",
        "b: {at: i, tool: pay, where: {to: {}}}",
    )
    assert held(found, "i", "pay") == sets("", "a", "b", "a b")
    assert held(found, "k", "pay") == sets("", "a")
    assert held(found, "i", "look") == held(found, "k", "look") == sets("")
    by_name = {letter.true: found.contents[letter] for letter in found.letters if letter in found.contents}
    large = by_name[frozenset({"i", "call(pay)", "a"})]
    small = by_name[frozenset({"i", "call(pay)"})]
    for text, is_large in [
        ("100", False),
        ("100.0", False),
        ("100.01", True),
        ("101", True),
        ("99.99", False),
        ("1000", True),
    ]:
        assert matches(large, f'{{"amount":{text}}}') == is_large
        assert matches(small, f'{{"amount":{text}}}') != is_large
    called = by_name[frozenset({"k", "chosen(pay)", "call(pay)", "a"})]
    assert matches(called, '{"name":"pay","arguments":{"amount":101,"to":"me"}}')
    assert not matches(called, '{"name":"pay","arguments":{"amount":1}}')
    assert not matches(called, '{"name":"look","arguments":{}}')
    assert matches(by_name[frozenset({"i", "call(pay)", "a", "b"})], '{"amount":200,"to":""}')


def test_json_that_the_model_writes_is_looked_into() -> None:
    found = made("a: {at: j, where: {n: {minimum: 5}}}", "b: {at: j, where: {s: {const: x}}}")
    assert held(found, "j") == sets("", "a", "b", "a b")
    both = next(found.contents[letter] for letter in letters(found, "j") if {"a", "b"} <= letter.true)
    assert matches(both, '{"n":5,"s":"x"}')
    assert not matches(both, '{"n":4,"s":"x"}')


def test_an_observation_holds_a_predicate_at_ok_only() -> None:
    found = made("a: {at: o, tool: pay, matches: paid}", "b: {at: o, contains: a}")
    assert held(found, "o", "pay") == sets("", "b", "a b")
    assert held(found, "o", "look") == sets("", "b")
    for letter in letters(found, "o"):
        if not any(name.startswith("ok(") for name in letter.true):
            assert not letter.true & {"a", "b"}
            assert {"a", "b"} <= letter.false | letter.true


@pytest.mark.parametrize(
    ("built_in", "text", "true"),
    [
        ("ok(pay)", "paid", {"a", "b"}), ("ok(pay)", "a", {"b"}), ("ok(pay)", "no", set()), ("ok(look)", "paid", {"b"}),
        ("failed(pay)", "paid", set()), ("failed(pay)", "no", set()), ("failed(pay) error", "paid", set()),
    ],
)  # fmt: skip
def test_which_letter_a_result_is(built_in: str, text: str, true: set[str]) -> None:
    found = made("a: {at: o, tool: pay, matches: paid}", "b: {at: o, contains: a}")
    facts = frozenset({"o", *built_in.split()})
    is_one = {letter.true for letter in found.of_others(tuple(letters(found, "o")), facts, text)}
    assert is_one == {facts | true, facts | true | {"empty(s)"}}


def test_what_can_be_quoted_is_told_where_others_write() -> None:
    found = made("a: {at: t, matches: x}")
    for letter in letters(found, "o"):
        assert "empty(s)" in letter.true | letter.false
    assert not any("empty(s)" in letter.true | letter.false for letter in found.letters if letter.step != "o")
    assert found.quoting == {"s": ("o",)}


def test_too_many_valuations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [f"a{i}: {{at: t, contains: '{i}'}}" for i in range(3)]
    assert len(letters(made(*many), "t")) == 8
    monkeypatch.setattr(limits, "STEP_LETTERS", 7)
    with pytest.raises(TooLarge, match="the step 't' has more than 7 letters"):
        made(*many)


# What is refused ----------------------------------------------------------------------------------------------------

BROKEN: list[tuple[str, str, str]] = [
    ("a: {at: t}", "the proposition 'a' needs exactly one of matches, contains, where", "a: {at"),
    ("a: {at: t, matches: x, contains: y}", "needs exactly one of matches, contains, where", "a: {at"),
    ("a: {matches: x}", "the key 'at' is missing", "a: {m"),
    ("a: {at: [], matches: x}", "propositions.a.at: list should have at least 1 item", "[]"),
    ("a: {at: tt, matches: x}", "unknown step 'tt'; did you mean 't'?", "tt"),
    ("a: {at: [t, x], matches: x}", "unknown step 'x'", "x]"),
    ("a: {at: t, match: x}", "unknown key 'match'; did you mean 'matches'?", "match: x"),
    ("a: {at: t, when: x}", "unknown key 'when'; did you mean 'where'?", "when"),
    ("a: {at: t, matches: 3}", "propositions.a.matches: input should be a valid string", "3}"),
    ("a: {at: t, matches: 'x('}", "this '(' is never closed", "('}"),
    ("a: {at: t, contains: '(?<=x)y'}", "look-behind", "(?<=x)"),
    ("a: {at: t, tool: pay, matches: x}", "for steps that call a tool or answer a call; 't' does neither", "t,"),
    ("a: {at: q, tool: pay, matches: x}", "'q' does neither", "q,"),
    ("a: {at: n, tool: pay, matches: x}", "'n' does neither", "n,"),
    ("a: {at: i, where: {amount: {}}}", "the arguments at 'i' depend on the tool: add 'tool:'", "i,"),
    ("a: {at: k, where: {amount: {}}}", "the arguments at 'k' depend on the tool: add 'tool:'", "k,"),
    ("a: {at: t, where: {amount: {}}}", "'t' holds none (use matches or contains)", "t,"),
    ("a: {at: o, tool: pay, where: {x: {}}}", "'o' holds none (use matches or contains)", "o,"),
    ("a: {at: i, tool: pay, matches: x}", "'matches' reads text, and 'i' holds none: use 'where'", "i,"),
    ("a: {at: n, matches: pay}", "'matches' reads text, and 'n' holds none: use chosen(TOOL)", "n,"),
    ("a: {at: j, contains: x}", "'contains' reads text, and 'j' holds none: use 'where'", "j,"),
    ("a: {at: [t, s], matches: x}", "'s' is a quotation: put the predicate at the step it quotes", "s]"),
    ("t: {at: t, matches: x}", "'t' is a step and cannot be the name of a proposition", "t: {at"),
    ("error: {at: t, matches: x}", "'error' has a meaning in rules", "error"),
    ("W: {at: t, matches: x}", "'W' has a meaning in rules", "W"),
    ("a: {at: t, where: [x]}", "propositions.a.where: input should be", "[x]"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message", "there"), BROKEN, ids=[case[0] for case in BROKEN])
def test_a_wrong_predicate_is_named_where_it_stands(line: str, message: str, there: str) -> None:
    text = f"{HEAD}  {line}\n"
    with pytest.raises(InvalidInput) as raised:
        load_text(text, "p.yaml")
    problem = raised.value
    assert message in problem.message
    assert problem.location is not None
    assert (problem.location.source, problem.location.line) == ("p.yaml", HEAD.count("\n") + 1)
    assert f"  {line}"[problem.location.column - 1 :].startswith(there), str(problem)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "a: {at: i, tool: paye, where: {amount: {}}}",
            "proposition 'a' names the unknown tool 'paye'; did you mean 'pay'?",
        ),
        ("a: {at: o, tool: x, matches: y}", "proposition 'a' names the unknown tool 'x'"),
        ("a: {at: i, tool: pay, where: {amout: {}}}", "there is no property 'amout'; did you mean 'amount'?"),
        ("a: {at: i, tool: pay, where: {amount: {min: 3}}}", "'min' is no condition; did you mean 'minimum'?"),
        ("a: {at: i, tool: pay, where: {amount: 3}}", "a condition is an object"),
        ("a: {at: j, where: {x: {}}}", "there is no property 'x'"),
        ("a: {at: i, tool: look, where: {x: {}}}", "there is no property 'x'; it has none"),
    ],
)
def test_what_depends_on_the_tools_is_found_with_the_alphabet(line: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        made(line)
    assert message in raised.value.message
    assert "'a'" in raised.value.message
    assert raised.value.location is not None
    assert raised.value.location.line == HEAD.count("\n") + 1


def test_a_rule_may_name_a_declared_proposition_and_no_other() -> None:
    text = HEAD + '  large: {at: t, contains: x}\nrules: [{id: r, ltl: "G(t -> lagre)"}]\n'
    with pytest.raises(SpecError, match=r"rule 'r' names 'lagre'.*did you mean 'large'") as raised:
        alphabet(load_text(text, "p.yaml").spec, SCHEMAS)
    row = text.split("\n")[-2]
    assert raised.value.location is not None
    assert raised.value.location.column == row.index("lagre") + 1
    assert "large" in alphabet(load_text(text.replace("lagre", "large")).spec, SCHEMAS).propositions
