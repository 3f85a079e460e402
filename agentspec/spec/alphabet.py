"""The letters of a spec, the register of the pending call, and the text of each letter.

Small and explicit (design: never 2^propositions): a step has one letter for each consistent valuation of what can
hold at it. ``chosen(T)`` holds where the tool's name is written, ``call(T)`` where its arguments complete the call,
``ok(T)`` or ``failed(T)`` at the observation that answers it, with ``error`` for a fault or a time-out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agentspec.automata.letter import Letter, Owner
from agentspec.content.constraint import Choice, Constraint, Literal, Sequence, line_of_text
from agentspec.content.json_schema import from_schema
from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import SpecError, nearest
from agentspec.logic.formula import atoms
from agentspec.spec.model import Spec, Step

BORDER = "\n"


@dataclass(frozen=True)
class Alphabet:
    """The letters of a spec with its tools, and every proposition rules may name."""

    letters: tuple[Letter, ...]
    propositions: tuple[str, ...]
    tools: tuple[str, ...]


def alphabet(spec: Spec, tools: tuple[str, ...]) -> Alphabet:
    """The alphabet of ``spec`` over ``tools``. Raises SpecError where a rule names what is no proposition."""
    letters = [letter for step in spec.steps.values() for letter in _letters(step, tools)]
    propositions = [*spec.steps]
    for letter in letters:
        propositions += sorted((letter.true | letter.false) - set(propositions))
    for rule in spec.rules:
        for name in atoms(rule.formula):
            if name not in propositions:
                raise SpecError(
                    f"rule '{rule.id}' names '{name}', which is no step and no proposition here"
                    f"{nearest(name, propositions)}",
                    location=rule.location,
                )
    return Alphabet(tuple(letters), tuple(propositions), tools)


def _letters(step: Step, tools: tuple[str, ...]) -> list[Letter]:
    def one(*true: str, among: tuple[str, ...] = (), tool: str | None = None, completes: bool = False) -> Letter:
        named = frozenset((step.name, *true))
        return Letter(named, frozenset(among) - named, step.name, step.owner, tool, completes)

    if step.owner == Owner.TOOL:
        outcomes = tuple(f"{built_in}({tool})" for tool in tools for built_in in ("ok", "failed")) + ("error",)
        return [
            one(*true, among=outcomes, tool=tool)
            for tool in tools
            for true in ((f"ok({tool})",), (f"failed({tool})",), (f"failed({tool})", "error"))
        ]
    if step.tool is not None:
        built_in = "chosen" if step.tool == "name" else "call"
        among = tuple(f"{built_in}({tool})" for tool in tools)
        return [one(f"{built_in}({t})", among=among, tool=t, completes=step.tool == "arguments") for t in tools]
    return [one()]


class CallRegister:
    """Which call is under way, as a component of the product: only consistent successions of letters exist.

    State 0: none; ``2i + 1``: tool ``i`` is chosen; ``2i + 2``: it is called and will be answered next.
    """

    initial = 0

    def __init__(self, tools: tuple[str, ...]) -> None:
        self._index = {tool: i for i, tool in enumerate(tools)}

    def step(self, state: int, letter: Letter) -> int | None:
        """The state after ``letter``, or None where the letter cannot occur."""
        called = state > 0 and state % 2 == 0
        if letter.tool is None:
            return None if called or letter.owner == Owner.TOOL else state
        i = self._index[letter.tool]
        if letter.owner == Owner.TOOL:
            return 0 if state == 2 * i + 2 else None
        if letter.completes_call:
            return 2 * i + 2 if state == 2 * i + 1 else None
        return 2 * i + 1 if state == 0 else None

    def accepts_at(self, state: int) -> bool:
        """An episode does not end on an unanswered call."""
        return state == 0 or state % 2 == 1


def contents(spec: Spec, letters: tuple[Letter, ...], schemas: Mapping[str, ToolSchema]) -> dict[Letter, Constraint]:
    """What the model may write as the content of each of its letters.

    Raises InvalidInput where a tool's schema cannot be enforced.
    """
    arguments: dict[str, Constraint] = {}
    found: dict[Letter, Constraint] = {}
    for letter in letters:
        if letter.owner != Owner.MODEL or letter.step is None:
            continue
        step = spec.steps[letter.step]
        if step.text is not None:
            found[letter] = line_of_text(step.text.min_chars, step.text.max_chars)
        elif step.choice:
            found[letter] = Choice(tuple(map(Literal, step.choice)))
        elif letter.tool is not None and step.tool == "name":
            found[letter] = Literal(letter.tool)
        elif letter.tool is not None:
            if letter.tool not in arguments:
                schema = schemas[letter.tool]
                arguments[letter.tool] = from_schema(schema.parameters, what=f"tool '{letter.tool}', parameters")
            found[letter] = arguments[letter.tool]
    return found


def line(spec: Spec, letter: Letter, content: Constraint) -> Constraint:
    """The whole text of a letter: cue, one space, content, border."""
    assert letter.step is not None
    return Sequence((Literal(f"{spec.steps[letter.step].cue} "), content, Literal(BORDER)))


def framed(text: str) -> str:
    """Text of a tool or user as it may stand in a transcript: later lines are indented, so none begins with a cue."""
    return "\n  ".join(text.splitlines()) if text.splitlines() else ""
