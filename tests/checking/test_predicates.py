"""Runtime predicates: their letters, and a game in which their truth is the adversary's."""

from __future__ import annotations

from collections import Counter

import pytest

from agentspec.checking.check import check
from agentspec.errors import EngineFault, SpecError
from agentspec.spec.load import load_text
from tests.checking.agents import compiled
from tests.checking.predicates import predicate_spec

TEXT = {"t": {"by": "model", "cue": "[T]", "text": {"max_chars": 5}}}


def test_the_model_wins_where_it_can_force_a_good_end_by_definition() -> None:
    found: Counter[tuple[bool, bool]] = Counter()
    for seed in range(120):
        spec = predicate_spec(seed)
        made = spec.compiled
        sure = made.realizable and not made.partial
        assert sure == spec.wins(), f"{seed}: {spec}"
        if not made.realizable:
            made.refusal()
        found[sure, any(letter.open for letter in made.alphabet.letters)] += 1
    assert min(found[True, True], found[False, True], found[True, False]) > 5, found


def test_letters() -> None:
    made = compiled(
        "q (t k o)* a", propositions={"p": {"at": ["t", "k", "o", "q"], "python": "f"}}, steps=TEXT
    )  # fmt: skip
    by_step: dict[str, list[tuple[frozenset[str], frozenset[str]]]] = {}
    for letter in made.alphabet.letters:
        by_step.setdefault(str(letter.step), []).append((letter.true & {"p"}, letter.open))
    (true, false), (openly, none) = (frozenset({"p"}), frozenset()), (frozenset({"p"}), frozenset())
    assert by_step["t"] == [(true, openly), (false, openly)]
    assert by_step["a"] == [(false, none)]
    assert by_step["q"] == [(true, none), (false, none)]
    assert [bool(true) for true, _ in by_step["o"]] == [True, False, False, False]
    contents = [made.contents[a] for a in made.alphabet.letters if a.step == "t"]
    assert contents[0] == contents[1]


def test_what_the_model_does_not_choose_is_refused_with_the_truth_that_loses() -> None:
    predicate = {"p": {"at": "t", "python": "./checks.py:polite"}}
    part = compiled("q t a", "G(t -> p)", propositions=predicate, steps=TEXT)
    assert (part.realizable, part.partial, part.unguaranteed) == (True, True, ("r0",))
    lost = compiled("q t a", "G(t -> p)", "G(q -> !F p)", propositions=predicate, steps=TEXT)
    assert not lost.realizable
    said = {"s": {"at": "o", "python": "f"}}
    others = compiled("q k o a", "G(o -> s)", propositions=said)
    report = check(others)
    assert report.blamed == ("r0",)
    assert [str(letter) for letter in report.witness.letters][2] in ("o {ok(pay)}", "o {failed(pay)}")  # type: ignore[union-attr]
    assert check(compiled("q t (a | n)", "G(a -> O p)", propositions=predicate, steps=_with_n())).realizable


def _with_n() -> dict[str, dict[str, object]]:
    return {**TEXT, "n": {"by": "model", "cue": "[N]", "choice": ["no"]}}


HEAD = """version: 1
name: small
steps:
  q: {by: user, cue: "[Q]"}
  t: {by: model, cue: "[T]", text: {max_chars: 5}}
  n: {by: model, cue: "[N]", tool: name}
  i: {by: model, cue: "[I]", tool: arguments}
  o: {by: tool, cue: "[O]"}
behavior: q t
"""


@pytest.mark.parametrize(
    ("proposition", "problem"),
    [
        ("{at: t, python: a.b}", "the predicate 'a.b' names no function: a predicate is a function in a Python file"),
        ("{at: t, python: ./checks.py}", r"'./checks.py' names no function: write ./checks.py:NAME"),
        ("{at: t, python: 'checks.py:f'}", r"is a file, and a file begins with ./: write ./checks.py:f"),
        ("{at: t, python: './../checks.py:f'}", "leads out of the folder"),
        ("{at: t, python: './checks.py:f.g'}", r"names no function: 'f.g' is not the name of one"),
        ("{at: t, python: f, matches: x}", "exactly one of matches, contains, where, python"),
        ("{at: n, python: f}", r"at 'n' stands the name of a tool: use chosen\(TOOL\)"),
        ("{at: t, tool: go, python: f}", "'tool:' is for steps that call a tool"),
    ],
)
def test_what_is_refused_at_loading(proposition: str, problem: str) -> None:
    with pytest.raises(SpecError, match=problem) as found:
        load_text(f"{HEAD}propositions:\n  p: {proposition}\n")
    assert found.value.location is not None
    assert found.value.location.line == 11


def test_sessions_refuse_functions_at_steps_of_the_model_only() -> None:
    predicate = {"p": {"at": ["t", "q"], "python": "f"}}
    with pytest.raises(SpecError, match="in 'semantics: infinite' the predicate 'p' cannot be a function at 't'"):
        compiled("(q t)*", propositions=predicate, steps=TEXT, semantics="infinite")
    predicate = {"p": {"at": "q", "python": "f"}}
    assert compiled(
        "(q t)*", "G(p -> F t)", propositions=predicate, steps=TEXT, semantics="infinite"
    ).realizable  # fmt: skip


def test_without_its_function_nothing_is_decided() -> None:
    made = compiled("q t", propositions={"p": {"at": "t", "python": "f"}}, steps=TEXT)
    letters = [a for a in made.alphabet.letters if a.step == "t"]
    assert made.alphabet.of_choice(letters, "x") == tuple(letters)
    decided = made.with_functions({"p": lambda text: text == "x"})
    assert decided.alphabet.of_choice(letters, "x") == (letters[0],)
    assert decided.alphabet.of_choice(letters, "y") == (letters[1],)
    assert made.alphabet.of_choice(letters, "x") == tuple(letters)

    def broken(text: str) -> bool:
        raise ValueError(text)

    with pytest.raises(EngineFault, match=r"the predicate 'p' \(f\) raised ValueError: x"):
        made.with_functions({"p": broken}).alphabet.of_choice(letters, "x")
    for said in (1, None, "yes"):
        with pytest.raises(EngineFault, match=r"the predicate 'p' \(f\) said .*, which is neither True nor False"):
            made.with_functions({"p": lambda _, said=said: said}).alphabet.of_choice(letters, "x")
