"""Ambiguity: refused exactly where one text has two readings at one position, with a shortest such text."""

from __future__ import annotations

import re
from itertools import product
from random import Random
from typing import Any

import pytest

from agentspec import limits
from agentspec.errors import InvalidInput, SpecError, TooLarge
from tests.checking.agents import STEPS, compiled
from tests.laws.meaning import fault

BY = {"by": "model"}
TEXT = {"text": {"max_chars": 6}}
FREE = {"free": {"until": "done", "max_chars": 9}}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def two(one: dict[str, Any], other: dict[str, Any], *rules: str, behavior: str = "q (u | v) a", **more: Any) -> None:
    """Compile a spec in which u and v may come at one position."""
    compiled(behavior, *rules, steps={"u": BY | one, "v": BY | other}, **more)


def witness(one: dict[str, Any], other: dict[str, Any], *rules: str, **more: Any) -> str:
    with pytest.raises(SpecError) as raised:
        two(one, other, *rules, **more)
    found = re.fullmatch(
        r"ambiguous: the text '(.*)' can be read as '(.*)' and as '(.*)' at one position; .*", raised.value.message
    )
    assert found is not None, raised.value.message
    assert {name.split(" ")[0] for name in found.groups()[1:]} == {"u", "v"}
    assert raised.value.location is not None, "a fault of the file is located"
    return found[1].replace("\\n", "\n").replace("\\\\", "\\")


def is_line(step: dict[str, Any], text: str, tool: str | None = None) -> bool:
    """Whether a text is a whole line of a step, by definition."""
    lead = f"{step['cue']} "
    if not (text.startswith(lead) and text.endswith("\n")):
        return False
    return fault(step, text[len(lead) : -1], tool=tool, schema=SCHEMA if tool else None) is None


AMBIGUOUS = [
    ({"cue": "[U]", **TEXT}, {"cue": "[U]", **TEXT}, 6),
    ({"cue": "[U]", **TEXT}, {"cue": "[U]", "choice": ["yes", "no"]}, 7),
    ({"cue": "[U]", "choice": ["abc", "xy", "q"]}, {"cue": "[U]", "choice": ["abc", "xy", "r"]}, 7),
    ({"cue": "[U]", "regex": "a+b"}, {"cue": "[U]", "regex": "a{3,}b|c"}, 9),
    ({"cue": "[U]", **TEXT}, {"cue": "[U] x", **TEXT}, 8),
    ({"cue": "[U] y x", "choice": ["z"]}, {"cue": "[U] y", **TEXT}, 10),
    ({"cue": "U", "regex": "x y"}, {"cue": "U x", "regex": "y"}, 6),
    ({"cue": "[U]", "format": "{n:int}"}, {"cue": "[U]", "regex": "[0-9]{3}"}, 8),
    ({"cue": "[U]", "json_schema": SCHEMA}, {"cue": "[U]", "text": {"max_chars": 60}}, 12),
    ({"cue": "[U]", "span": "q"}, {"cue": "[U]", "choice": ["one two", "three"]}, 10),
    ({"cue": "[U]", **FREE}, {"cue": "[U]", **FREE}, 9),
    ({"cue": "[U]", "text": {"max_lines": 2}}, {"cue": "[U]", "text": {"max_chars": 9, "max_lines": 3}}, 6),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "length"), AMBIGUOUS, ids=[str(i) for i in range(len(AMBIGUOUS))])
def test_the_witness_has_two_readings_and_none_is_shorter(
    one: dict[str, Any], other: dict[str, Any], length: int
) -> None:
    text = witness(one, other)
    for step in (one, other):
        assert "span" in step or is_line({**BY, **step}, text), text
    assert len(text) == length
    assert witness(other, one) == text, "whichever stands first"


APART = [
    ({"cue": "[U]", **TEXT}, {"cue": "[V]", **TEXT}),
    ({"cue": "[U", **TEXT}, {"cue": "[U]", **TEXT}),
    ({"cue": "[U]", "regex": "[a-z]+"}, {"cue": "[U]", "regex": "[0-9]+"}),
    ({"cue": "[U]", "choice": ["a", "b"]}, {"cue": "[U]", "choice": ["ab", "ba"]}),
    ({"cue": "[U]", "regex": "[a-w ]+"}, {"cue": "[U] x", **TEXT}),
    ({"cue": "[U]", "format": "{n:int}"}, {"cue": "[U]", "format": "{n:int}."}),
    ({"cue": "[U]", **FREE}, {"cue": "[V]", **FREE}),
    ({"cue": "[U]", "json_schema": SCHEMA}, {"cue": "[U]", "regex": "[^{]+"}),
    ({"cue": "[U]", "choice": ["a "]}, {"cue": "[U]", "choice": ["a"]}),
]


@pytest.mark.parametrize(("one", "other"), APART, ids=[str(i) for i in range(len(APART))])
def test_steps_that_share_no_text_may_share_a_cue(one: dict[str, Any], other: dict[str, Any]) -> None:
    two(one, other)


def test_a_call_beside_text_with_the_same_cue() -> None:
    prose = {"by": "model", "cue": "[K]", "text": {"max_chars": 80}}
    with pytest.raises(SpecError, match="ambiguous") as raised:
        compiled("q (k o | t) a", steps={"t": prose}, tools={"pay": SCHEMA})
    text = raised.value.message.split("'")[1].replace("\\n", "\n")
    assert is_line(STEPS["k"], text, "pay")
    assert is_line(prose, text)
    assert text == '[K] {"name":"pay","arguments":{"n":0}}\n'
    compiled(
        "q (k o | t) a", steps={"t": {"by": "model", "cue": "[K]", "text": {"max_chars": 20}}}, tools={"pay": SCHEMA}
    )
    compiled("q (k o | t) a", steps={"t": {"by": "model", "cue": "[K]", "regex": "[^{].*"}}, tools={"pay": SCHEMA})


def test_a_tools_name_beside_a_choice_with_the_same_cue() -> None:
    for option, fine in [("pay", False), ("pays", True)]:
        step = {"t": {"by": "model", "cue": "[N]", "choice": [option]}}
        if fine:
            compiled("q (n i o | t) a", steps=step)
        else:
            with pytest.raises(SpecError, match=r"the text '\[N\] pay\\n' can be read as"):
                compiled("q (n i o | t) a", steps=step)


def test_one_cue_at_different_positions_is_fine() -> None:
    two({"cue": "[U]", **TEXT}, {"cue": "[U]", **TEXT}, behavior="q u v a")
    two({"cue": "[U]", **TEXT}, {"cue": "[U] x", **TEXT}, behavior="q (u a v)?")
    compiled("q n i o t a", steps={"t": {"by": "model", "cue": "[O]", "text": {}}})


def test_rules_decide_which_readings_there_are_at_a_position() -> None:
    one, other = {"cue": "[U]", **TEXT}, {"cue": "[U]", "choice": ["stop"]}
    stop = {"stop": {"at": "u", "matches": "stop"}}
    assert witness(one, other, propositions=stop) == "[U] stop\n"
    two(one, other, "G !stop", propositions=stop)
    two(one, other, "G !v", propositions=stop)


def test_letters_of_one_step_are_never_ambiguous() -> None:
    compiled(
        "q t a", propositions={"x": {"at": "t", "contains": "x"}, "y": {"at": "t", "matches": "x*"}},
    )  # fmt: skip
    compiled("q k o a", tools={"pay": SCHEMA, "look": SCHEMA, "pa": SCHEMA})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"cue": "[U]", **TEXT}, {"cue": "[U]", "text": {"max_lines": 2}}),
        ({"cue": "[U]", "regex": "x"}, {"cue": "[U] y", "free": "done"}),
        ({"cue": "[U]", "text": {"max_lines": 2}}, {"cue": "[U]", **FREE}),
        ({"cue": "[U]", "free": "done"}, {"cue": "[U]", "free": "end"}),
    ],
)
def test_steps_that_end_differently_begin_differently(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Wherever they stand: nobody could say where such a step ends."""
    with pytest.raises(InvalidInput, match="begin alike") as raised:
        two(one, other, behavior="q u v a")
    assert raised.value.location is not None


def lines_of(step: dict[str, Any], alphabet: str, most: int) -> set[str]:
    """Every line of a step with a content of few letters, by definition."""
    found = set()
    for size in range(1, most + 1):
        for letters in product(alphabet, repeat=size):
            line = f"{step['cue']} {''.join(letters)}\n"
            if is_line(step, line):
                found.add(line)
    return found


def random_step(rng: Random) -> dict[str, Any]:
    words = ["a", "b", "ab", "ba", "a b", "b a", "aab", "x", "a x"]
    kind = rng.choice(
        [
            {"choice": rng.sample(words, rng.randint(1, 3))},
            {"regex": rng.choice(["a*b", "[ab]+", "(ab|ba)x?", "b( a)*", "x|aa", "[^a]b?"])},
            {"text": {"max_chars": rng.choice([1, 2, 4]), "min_chars": 1}},
            {"format": rng.choice(["a{t:text(2)}", "{c:choice(a|b)}b", "x{r:regex(a*)}"])},
        ]
    )
    return {**BY, "cue": rng.choice(["[U]", "[U]", "[U] a", "[U] b", "[U", "[V]"]), **kind}


def reading(one: dict[str, Any], other: dict[str, Any]) -> str | None:
    """The text for which a spec is refused, or None."""
    try:
        two(one, other)
    except InvalidInput as problem:
        return problem.message.split("'")[1].replace("\\n", "\n")
    return None


def test_refused_exactly_where_a_text_has_two_readings() -> None:
    refused = 0
    for seed in range(60):
        rng = Random(seed)
        one, other = random_step(rng), random_step(rng)
        shared = lines_of(one, "abx ", 5) & lines_of(other, "abx ", 5)
        text = reading(one, other)
        assert (text is None) <= (not shared), f"{one} {other} share {shared}"
        if text is not None:
            assert is_line(one, text), text
            assert is_line(other, text), text
            assert not shared or len(text) == min(map(len, shared)), f"{text!r} is none of the shortest"
            refused += 1
    assert 8 <= refused <= 50


def test_what_cannot_be_decided_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "AMBIGUITY_STATES", 10)
    with pytest.raises(TooLarge, match="whether u and v can be told apart takes more than 10 states"):
        two({"cue": "[U]", "regex": "[ab]{20}c"}, {"cue": "[U]", "regex": "[ab]{20}d"})
