"""From the steps of a recorded trace to letters: built-ins as recorded, declared propositions decided anew by content.

The same automata decide them as in a run: of texts by `content.language`, of values by `content.where`. Functions are
not called again: what they said is in a journal, and in no message log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from agentspec.automata.letter import Letter, Owner
from agentspec.content.json_text import parse_object
from agentspec.content.text_test import TextTest
from agentspec.content.where import Condition
from agentspec.episode.replay_history import Past
from agentspec.episode.replay_journal import Noted
from agentspec.episode.replay_messages import Move
from agentspec.episode.replay_policy import Policy
from agentspec.errors import InvalidInput, SpecError
from agentspec.spec.model import Proposition, Step
from agentspec.spec.proposition import written


class Positions(NamedTuple):
    """The letters of a trace, the item (message or record) each stands in, and what was odd: ``(item, what)``."""

    letters: list[Letter]
    items: list[int]
    notes: list[tuple[int, str]]


class _Tests(NamedTuple):
    """The propositions declared at one step for one tool: those of texts, and those of JSON values."""

    texts: tuple[tuple[str, Callable[[str], bool]], ...]
    values: tuple[tuple[str, Callable[[Any], bool]], ...]


_NO_TESTS = _Tests((), ())


class Lettering:
    """Makes letters for one policy; equal letters are one object, so what is known of a letter is found at once."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.seen: set[str] = set()
        self._letters: dict[tuple[Any, ...], Letter] = {}
        self._tests: dict[tuple[str | None, str | None, bool], _Tests] = {}
        self._text_tests: dict[tuple[str, str], TextTest] = {}
        self._conditions: dict[str, Condition] = {}
        self._functions = {declared.name for declared in policy.spec.propositions if declared.python is not None}
        self._apart = policy.chooses_apart()
        self._broken: dict[tuple[int, frozenset[str]], Letter] = {}
        for declared in policy.spec.propositions:
            if declared.where is not None:
                self._conditions[declared.name] = _condition(declared)

    # Message logs ---------------------------------------------------------------------------------------------------

    def of_messages(self, moves: Sequence[Move]) -> Positions:
        """The letters of a message log."""
        found = Positions([], [], [])
        letters, items = found.letters, found.items
        names = self.policy.steps_of_messages
        known = self._letters
        past = Past.of(self.policy, [move.tool for move in moves])
        for move in moves:
            kind, at, tool, _, _, failed, error = move
            step = names[kind]
            if kind == "call" and self._apart:
                choice = names["choice"]
                letters.append(self._letter(choice, Owner.MODEL, tool, (f"chosen({tool})",), (), False))
                items.append(at)
            held: tuple[str, ...] = ()
            tests = self._tests_at(step, tool, kind == "result" and (failed or tool is None), raw=True)
            if tests is not _NO_TESTS:
                held = self._held(tests, move, found)
            letter = known.get((kind, tool, failed, error, held))
            if letter is None:
                letter = known[kind, tool, failed, error, held] = self._of_move(move, step, held)
            letters.append(letter if past is None else self._with(past.of_move(letter, move), letter))
            items.append(at)
        return found

    def _of_move(self, move: Move, step: str | None, held: tuple[str, ...]) -> Letter:
        built_in: tuple[str, ...] = ()
        tool = move.tool
        if move.kind == "call":
            built_in = (f"call({tool})",) if self._apart else (f"chosen({tool})", f"call({tool})")
        elif move.kind == "result":
            outcome = (f"failed({tool})" if move.failed else f"ok({tool})",) if tool is not None else ()
            built_in = (*outcome, *(["error"] if move.error else []))
        owner = {"user": Owner.USER, "result": Owner.TOOL}.get(move.kind, Owner.MODEL)
        return self._letter(step, owner, tool, built_in, held, move.kind == "call")

    def _held(self, tests: _Tests, move: Move, found: Positions) -> tuple[str, ...]:
        held = [name for name, test in tests.texts if test(move.text)]
        if tests.values:
            try:
                value = _arguments(move.arguments if move.kind == "call" else move.text)
            except ValueError as problem:
                names = ", ".join(name for name, _ in tests.values)
                found.notes.append(
                    (move.at, f"no JSON object, so {names} cannot hold: {str(problem).partition(';')[0]}")
                )
            else:
                held += [name for name, test in tests.values if test(value)]
        return tuple(held)

    # Journals -------------------------------------------------------------------------------------------------------

    def of_journal(self, steps: Sequence[Noted]) -> Positions:
        """The letters of a journal; under a policy its steps are taken for messages, by owner."""
        found = Positions([], [], [])
        strange: set[str] = set()
        past = Past.of(self.policy, [noted.tool for noted in steps])
        for noted in steps:
            called = any(name.startswith("call(") for name in noted.built_in)
            step, built_in = noted.step, noted.built_in
            if self.policy.of_messages:
                if not called and any(name.startswith("chosen(") for name in built_in):
                    continue
                step = {Owner.USER: "user", Owner.TOOL: "result"}.get(noted.owner, "call" if called else "assistant")
                if called:
                    built_in |= {f"chosen({noted.tool})"}
                elif any(name.startswith("failed(") for name in built_in):
                    built_in |= {"error"}
            elif step not in self.policy.spec.steps and step not in strange:
                strange.add(step)
                found.notes.append((noted.index, f"'{step}' is no step of this spec"))
            failed = noted.owner == Owner.TOOL and bool(built_in) and not any(n.startswith("ok(") for n in built_in)
            tests = self._tests_at(step, noted.tool, failed, raw=self.policy.of_messages)
            content = noted.content
            move = Move("call" if called else "result", noted.index, noted.tool, content, _framed_off(content, called))
            held = self._held(tests, move, found) if tests is not _NO_TESTS else ()
            held += tuple(sorted(noted.others & self._functions))
            letter = self._letter(step, noted.owner, noted.tool, tuple(sorted(built_in)), held, called)
            if past is not None:
                letter = self._with(past.of_noted(letter, noted, move.arguments), letter)
            found.letters.append(letter)
            found.items.append(noted.index)
        return found

    # Both -----------------------------------------------------------------------------------------------------------

    def _with(self, broken: frozenset[str], letter: Letter) -> Letter:
        """The letter with the history rules that it breaks; equal ones are one object."""
        if not broken:
            return letter
        key = (id(letter), broken)
        if key not in self._broken:
            self._broken[key] = replace(letter, true=letter.true | broken)
            self.seen |= broken
        return self._broken[key]

    def _letter(
        self, step: str | None, owner: Owner, tool: str | None, built_in: tuple[str, ...], held: tuple[str, ...],
        completes: bool,
    ) -> Letter:  # fmt: skip
        key = (step, owner, tool, built_in, held)
        letter = self._letters.get(key)
        if letter is None:
            true = frozenset((*built_in, *held, *([step] if step is not None else [])))
            letter = self._letters[key] = Letter(true, frozenset(), step, owner, tool, completes)
            self.seen |= true
        return letter

    def _tests_at(self, step: str | None, tool: str | None, failed: bool, *, raw: bool) -> _Tests:
        key = (step, tool, failed)
        tests = self._tests.get(key)
        if tests is None:
            tests = self._tests[key] = self._made(step, tool, failed, raw)
        return tests

    def _made(self, step: str | None, tool: str | None, failed: bool, raw: bool) -> _Tests:
        if step is None or failed:
            return _NO_TESTS
        here = [p for p in self.policy.spec.propositions if step in p.at and p.tool in (None, tool)]
        declared = self.policy.spec.steps.get(step)
        texts = tuple((p.name, self._text_test(p, declared, raw)) for p in here if p.texts is not None)
        values = tuple((p.name, self._conditions[p.name].holds) for p in here if p.where is not None)
        return _Tests(texts, values) if texts or values else _NO_TESTS

    def _text_test(self, declared: Proposition, step: Step | None, raw: bool) -> TextTest:
        assert declared.texts is not None
        as_written = step is not None and step.owner == Owner.MODEL and not raw
        key = (declared.name, step.name if step is not None and as_written else "")
        if key not in self._text_tests:
            texts = written(declared.texts, step) if step is not None and as_written else declared.texts
            self._text_tests[key] = TextTest(texts)
        return self._text_tests[key]


def _condition(declared: Proposition) -> Condition:
    try:
        return Condition(declared.where or {}, what=f"proposition '{declared.name}', where")
    except InvalidInput as problem:
        raise SpecError(problem.message, location=declared.location) from None


_CALLED = re.compile(r'\[?\{"name": ?"[^"]*", ?"(?:arguments|parameters)": ?(.*?)(?:, "id": "[^"]*")?\}\]?', re.DOTALL)


def _framed_off(content: str, called: bool) -> str:
    """The arguments in the content of a call, which may stand in one value with the tool's name, in any style."""
    found = _CALLED.fullmatch(content) if called else None
    try:
        return found[1] if found is not None and isinstance(json.loads(found[1]), dict) else content
    except (ValueError, RecursionError):
        return content


def _arguments(logged: Any) -> dict[str, Any]:
    """The arguments of a call as logged: JSON text, nothing at all, or an object.

    Raises ValueError for others, and for numbers that are too large to be compared.
    """
    if isinstance(logged, str):
        value = parse_object(logged) if logged.strip() else {}
    else:
        value = {} if logged is None else logged
    if not isinstance(value, dict):
        raise ValueError(f"arguments are an object, not a {type(value).__name__}")
    if not isinstance(logged, str) or "e" in logged.lower():
        json.dumps(value, allow_nan=False)
    return value
