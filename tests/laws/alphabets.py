"""Which valuations of a step's predicates some text has: searched for by sampling, and nothing else is believed.

A valuation that sampling does not find may exist all the same. It counts if the package shows a text that, by
definition, belongs to the step and has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

from agentspec.automata.letter import Letter
from agentspec.checking.compile import Compiled
from agentspec.content.constraint import ANY, And, Characters, Not
from agentspec.content.language import Language
from tests.laws.meaning import fault, true_of
from tests.laws.played import says_nothing
from tests.laws.samples import contents, hints, texts
from tests.laws.specs import FORGED, RandomSpec
from tests.laws.written import sources

MANY = 40
_ANYTHING = Characters(ANY, 0, None)


def built_ins(kind: str, tool: str | None) -> list[tuple[str, ...]]:
    """What can be true beside the declared propositions at a letter of this kind."""
    ways: dict[str, list[tuple[str, ...]]] = {
        "plain": [()],
        "user": [()],
        "name": [(f"chosen({tool})",)],
        "arguments": [(f"call({tool})",)],
        "call": [(f"chosen({tool})", f"call({tool})")],
        "handler": [(), ("error",)],
        "tool": [(f"ok({tool})",), (f"failed({tool})",), (f"failed({tool})", "error")],
    }
    return ways[kind]


def about(spec: RandomSpec, name: str, tool: str | None) -> list[str]:
    """The declared propositions that may hold at a step and tool."""
    declared = spec.document.get("propositions", {}).items()
    return [
        proposition
        for proposition, asked in declared
        if name in ([asked["at"]] if isinstance(asked["at"], str) else asked["at"])
        and asked.get("tool") in (None, tool)
    ]


def valuations(
    spec: RandomSpec, compiled: Compiled, name: str, tool: str | None, facts: tuple[str, ...]
) -> set[frozenset[str]]:
    """The sets of declared propositions that hold together at a text of the step."""
    if says_nothing(facts) or not about(spec, name, tool):
        return {frozenset()}
    mine = spec.document["steps"][name]["by"] == "model"
    rng = Random(f"{name} {tool}")
    found = {true_of(spec.document, name, text, tool) for text in islice(_texts(spec, name, tool, rng, mine), MANY)}
    for letter in compiled.alphabet.letters:
        held = letter.true & set(about(spec, name, tool))
        here = letter.step == name and letter.tool == tool and letter.true >= set(facts)
        if here and not says_nothing(letter.true) and held not in found:
            text = witness(spec, compiled, letter)
            assert text is not None, f"law: some text makes {letter} true"
            assert true_of(spec.document, name, text, tool) == held, f"law: {text!r} makes {letter} true"
            assert not mine or fault_of(spec, name, text, tool) is None, f"law: {text!r} is a text of {name}"
            found.add(held)
    return found


def _texts(spec: RandomSpec, name: str, tool: str | None, rng: Random, mine: bool) -> Iterator[str]:
    if mine:
        yield from contents(spec.document, name, rng, tool, spec.schemas[tool].parameters if tool else None)
        return
    yield from FORGED
    while True:
        yield texts(rng, hints(spec.document, name))


def fault_of(spec: RandomSpec, name: str, text: str, tool: str | None) -> str | None:
    """Why a text of the model's is no content of the step, or None; not for steps that quote."""
    step = spec.document["steps"][name]
    assert not sources(step)
    cues = [other["cue"] for other in spec.document["steps"].values()]
    return fault(step, text, cues=cues, tool=tool, schema=spec.schemas[tool].parameters if tool else None)


def witness(spec: RandomSpec, compiled: Compiled, letter: Letter) -> str | None:
    """A text that the package believes to make the letter true."""
    if letter in compiled.contents:
        return Language(compiled.contents[letter]).shortest()
    parts = [
        declared.texts if declared.name in letter.true else Not(declared.texts)
        for declared in compiled.agent.spec.propositions
        if declared.texts is not None and declared.name in about(spec, str(letter.step), letter.tool)
    ]
    return Language(And((_ANYTHING, *parts))).shortest()
