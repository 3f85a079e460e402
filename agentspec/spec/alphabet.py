"""The letters of a spec: per step, the consistent valuations of what can hold at it, each with its texts.

Small and explicit (design: never 2^propositions): a valuation that no text has is no letter. ``chosen(T)`` holds where
the tool's name is written, ``call(T)`` where the call is complete, ``ok(T)`` or ``failed(T)`` at the observation that
answers it, with ``error`` for a fault or a time-out; a step that a handler writes has ``error`` alone. A declared
proposition about a tool's step holds at ``ok`` observations only, and where a handler did not fail. Of runtime
predicates both truths exist everywhere; at the model's steps they are open: the letters that differ in nothing else
have the same texts. Where the texts of a step depend on what was written before, ``empty(STEP)`` holds where others
write and the step STEP has no text afterwards; for one that calls it is ``empty(STEP, TOOL)``, and with predicates
there is one for each valuation: ``empty(STEP, TOOL, !large)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product

from agentspec import limits
from agentspec.automata.letter import Letter, Owner
from agentspec.content.constraint import ANY, NO_TEXT, And, Characters, Constraint, Literal, Not, either
from agentspec.content.json_schema import from_schema
from agentspec.content.language import Language
from agentspec.content.tool_schema import ToolSchema
from agentspec.content.where import valuation
from agentspec.errors import InvalidInput, SpecError, TooLarge, nearest
from agentspec.logic.formula import atoms
from agentspec.spec.fault import word_at
from agentspec.spec.history import broken, propositions_of, tools_of
from agentspec.spec.history_plan import Asked, Bound, asked_of, bound_letter, events, quotes_in
from agentspec.spec.history_plan import framed as within
from agentspec.spec.memory import Memory
from agentspec.spec.model import Proposition, Rule, Spec, Step
from agentspec.spec.proposition import written
from agentspec.spec.runtime import Runtime, subsets
from agentspec.spec.step import INDENT
from agentspec.spec.style import written_line

BORDER = "\n"
_ANYTHING = Characters(ANY, 0, None)


@dataclass(frozen=True)
class Alphabet:
    """The letters of a spec with its tools, and every proposition rules may name.

    ``contents`` holds the texts of each of the model's letters, as they stand in a transcript; the letters of one step
    and tool share no text unless they differ in what is open only, and together they have those of ``wholes``.
    ``quoting`` are the steps that quote, each with the steps it quotes from. ``bounds`` are the letters (without what
    is open) whose texts depend on what was written before: ``contents`` then holds all that may be, `Bound.content`
    those at a time. No letter of the guard's has ``breaks(RULE)``.
    """

    letters: tuple[Letter, ...]
    propositions: tuple[str, ...]
    tools: tuple[str, ...]
    contents: dict[Letter, Constraint] = field(hash=False)
    wholes: dict[tuple[str, str | None], Constraint] = field(hash=False)
    quoting: dict[str, tuple[str, ...]] = field(hash=False)
    _tests: dict[str, Language] = field(hash=False, repr=False)
    _read: dict[Letter, frozenset[str]] = field(hash=False, repr=False)
    runtime: Runtime = field(hash=False, repr=False)
    bounds: dict[Letter, Bound] = field(hash=False, repr=False, default_factory=dict)

    def bound(self, letter: Letter) -> Bound | None:
        """What makes the texts of a letter of the model depend on what was written before, None where they do not."""
        return self.bounds.get(letter.choice) if self.bounds else None

    def of_others(self, possible: tuple[Letter, ...], built_in: frozenset[str], text: str) -> tuple[Letter, ...]:
        """The letters a text of a tool or user can be: those with these built-ins whose predicates it fulfils.

        More than one only where ``empty(STEP)`` tells them apart, or a function is not at hand. Raises EngineFault
        where one fails.
        """
        true: dict[str, bool | None] = {}
        found = []
        for letter in possible:
            read = self._read[letter]
            if {name for name in letter.true if name not in read and not name.startswith("empty(")} != built_in:
                continue
            for name in read - true.keys():
                true[name] = self._tests[name].accepts(text) if name in self._tests else self.runtime.truth(name, text)
            if all(true[name] in (None, name in letter.true) for name in read):
                found.append(letter)
        return tuple(found)

    def of_choice(self, letters: Sequence[Letter], value: object) -> tuple[Letter, ...]:
        """Which of the letters of one choice a text of the model is, by the functions' word on what it means.

        More than one only where a function is not at hand. Raises EngineFault where one fails.
        """
        names = frozenset(name for letter in letters for name in letter.open)
        true = {name: self.runtime.truth(name, value) for name in sorted(names)}
        return tuple(a for a in letters if all(true[name] in (None, name in a.true) for name in a.open))


def alphabet(spec: Spec, schemas: Mapping[str, ToolSchema]) -> Alphabet:
    """The alphabet of ``spec`` over tools. Raises SpecError where a rule names what is no proposition.

    Raises InvalidInput where a tool's schema cannot be enforced, TooLarge where a step has too many valuations.
    """
    tools = tuple(schemas)
    for declared in spec.propositions:
        if declared.tool is not None and declared.tool not in tools:
            hint = nearest(declared.tool, list(tools))
            raise SpecError(
                f"proposition '{declared.name}' names the unknown tool '{declared.tool}'{hint}",
                location=declared.location,
            )
    quoting = {name: sources for name, step in spec.steps.items() if step.content and (sources := quoted(step.content))}
    making = _Making(spec, schemas, quoting)
    mine = {name: making.letters(step) for name, step in spec.steps.items() if step.owner == Owner.MODEL}
    mine = making.bind(mine)
    letters = [a for name, step in spec.steps.items() for a in (mine[name] if name in mine else making.letters(step))]
    propositions = [*spec.steps]
    for letter in letters:
        propositions += sorted((letter.true | letter.false) - set(propositions))
    propositions += [declared.name for declared in spec.propositions if declared.name not in propositions]
    propositions += [broken(rule.id) for rule in spec.rules if rule.history is not None]
    for rule in spec.rules:
        for name in named(rule):
            if name not in propositions:
                raise _unknown(rule, name, propositions, tools)
        for tool in tools_of(rule.history) if rule.history is not None else ():
            if tool not in tools:
                hint = f"is not among the tools ({', '.join(tools) or 'none'}){_meant(tool, tools)}"
                raise SpecError(f"rule '{rule.id}' refers to '{tool}', which {hint}", location=rule.location)
    tests = {d.name: Language(d.texts) for d in spec.propositions if d.texts is not None}
    runtime = Runtime({d.name: d for d in spec.propositions if d.python is not None})
    return Alphabet(
        tuple(letters), tuple(propositions), tools, making.contents, making.wholes, quoting, tests, making.read,
        runtime, making.bounds,
    )  # fmt: skip


def named(rule: Rule) -> tuple[str, ...]:
    """The propositions that a rule speaks of."""
    if rule.history is None:
        return atoms(rule.formula)
    asked = propositions_of(rule.history)
    return tuple(name for name in (atoms(asked) if asked is not None else ()) if not name.startswith("#"))


def _unknown(rule: Rule, name: str, propositions: list[str], tools: tuple[str, ...]) -> SpecError:
    location = rule.location
    offset = word_at(rule.text, name, 0)
    if location is not None and rule.one_line and offset is not None:
        location = replace(location, column=location.column + offset)
    tool = name[name.index("(") + 1 : -1] if "(" in name and not name.startswith("empty(") else None
    if tool is not None and tool not in tools:
        among = f"is not among the tools ({', '.join(tools) or 'none'}){_meant(tool, tools)}"
        return SpecError(f"rule '{rule.id}' names '{name}', and '{tool}' {among}", location=location)
    return SpecError(
        f"rule '{rule.id}' names '{name}', which is no step and no proposition here{nearest(name, propositions)}",
        location=location,
    )


def _meant(name: str, choices: tuple[str, ...]) -> str:
    hint = nearest(name, list(choices))
    return hint if "did you mean" in hint else ""


def quoted(constraint: Constraint) -> tuple[str, ...]:
    """The steps a constraint quotes from."""
    return tuple(dict.fromkeys(name for quote in quotes_in(constraint) for name in quote.of))


class _Making:
    """Letters step by step; ``contents``, ``wholes`` and ``read`` (off the text of a letter of others) fill up."""

    def __init__(self, spec: Spec, schemas: Mapping[str, ToolSchema], quoting: Mapping[str, tuple[str, ...]]) -> None:
        self.spec, self.schemas, self.quoting = spec, schemas, quoting
        self.rules = [rule for rule in spec.rules if rule.history is not None and rule.enforce == "block"]
        self.bounds: dict[Letter, Bound] = {}
        self.inner: dict[Letter, Constraint] = {}
        self.contents: dict[Letter, Constraint] = {}
        self.wholes: dict[tuple[str, str | None], Constraint] = {}
        self.read: dict[Letter, frozenset[str]] = {}
        self._arguments: dict[str, Constraint] = {}

    def letters(self, step: Step) -> list[Letter]:
        made = list(islice(self._of_step(step), limits.STEP_LETTERS + 1))
        if len(made) > limits.STEP_LETTERS:
            raise _too_many(step)
        return made

    def _of_step(self, step: Step) -> Iterator[Letter]:
        tools = tuple(self.schemas)
        if step.owner == Owner.TOOL and step.handler is not None:
            yield from self._heard(step, (), ("error",), None)
            yield from self._heard(step, ("error",), ("error",), None)
        elif step.owner == Owner.TOOL:
            outcomes = tuple(f"{built_in}({tool})" for tool in tools for built_in in ("ok", "failed")) + ("error",)
            for tool in tools:
                yield from self._heard(step, (f"ok({tool})",), outcomes, tool)
                yield from self._heard(step, (f"failed({tool})",), outcomes, tool)
                yield from self._heard(step, (f"failed({tool})", "error"), outcomes, tool)
        elif step.owner == Owner.USER:
            yield from self._heard(step, (), (), None)
        elif step.tool is None:
            assert step.content is not None
            yield from self._written(step, (), (), None, step.content)
        else:
            built_ins = {"name": ("chosen",), "arguments": ("call",), "call": ("chosen", "call")}[step.tool]
            among = tuple(f"{built_in}({tool})" for tool in tools for built_in in built_ins)
            for tool in tools:
                true = tuple(f"{built_in}({tool})" for built_in in built_ins)
                yield from self._written(step, true, among, tool, self._call(step.tool, tool))

    def _call(self, kind: str, tool: str) -> Constraint:
        if kind == "name":
            return Literal(tool)
        if tool not in self._arguments:
            self._arguments[tool] = from_schema(self.schemas[tool].parameters, what=f"tool '{tool}', parameters")
        return self._arguments[tool]

    def _written(
        self, step: Step, true: tuple[str, ...], among: tuple[str, ...], tool: str | None, whole: Constraint
    ) -> Iterator[Letter]:
        """The model's letters: one for each valuation of the predicates that some text has."""
        here = [p for p in self.spec.propositions if step.name in p.at and p.tool in (None, tool)]
        predicates = [p for p in here if p.python is None]
        unknown = tuple(p.name for p in here if p.python is not None)
        self.wholes[step.name, tool] = self._framed(step, tool, whole)
        names = tuple(p.name for p in predicates)
        if any(p.where is not None for p in predicates):
            valuations = self._by_value(step, tool, predicates)
        else:
            valuations = self._valuations(step, [(p.name, self._texts(p, step)) for p in predicates], whole)
        for held, texts in valuations:
            content = self._framed(step, tool, texts)
            for said in subsets(unknown):
                letter = _letter(step, (*true, *held, *said), (*among, *names, *unknown), tool, frozenset(unknown))
                self.contents[letter] = content
                self.inner[letter] = texts
                yield letter

    def bind(self, letters: dict[str, list[Letter]]) -> dict[str, list[Letter]]:
        """The letters that history rules leave a text, and what binds theirs; ``bounds`` fills up."""
        return {name: list(self._bind(self.spec.steps[name], some)) for name, some in letters.items()}

    def _bind(self, step: Step, letters: list[Letter]) -> Iterator[Letter]:
        narrowed: set[str | None] = set()
        kept: list[Letter] = []
        for letter in letters:
            made = self._bound(step, letter, letters)
            if made is None or made.changes:
                kept.append(letter)
                continue
            narrowed.add(letter.tool)
            if (content := made.content(Memory())) is None:
                del self.contents[letter]
            else:
                self.contents[letter] = content
                kept.append(letter)
        for tool in narrowed:
            self.wholes[step.name, tool] = either([self.contents[a] for a in kept if a.tool == tool])
        yield from kept

    def _bound(self, step: Step, letter: Letter, letters: list[Letter]) -> Bound | None:
        asked = asked_of(letter, self.rules)
        for other in letters:
            if letter.open and other.choice == letter.choice and asked_of(other, self.rules) != asked:
                raise self._depends(letter, asked)
        if (known := self.bounds.get(letter.choice)) is not None:
            return known
        frame = _call_frame(step, str(letter.tool)) if step.tool == "call" else ("", "")
        schema = step.schema if letter.tool is None else self.schemas[letter.tool].parameters
        made = bound_letter(self.spec, letter.choice, self.inner[letter], frame, schema, asked)
        if made is not None and made.changes:
            self.bounds[letter.choice] = made
        return made

    def _depends(self, letter: Letter, asked: tuple[Asked, ...]) -> SpecError:
        rule = asked[0].rule if asked else self.rules[0]
        names = ", ".join(sorted(letter.open))
        return SpecError(
            f"rule '{rule.id}': what it asks of '{letter.step}' depends on {names}, which a function says once it is "
            "written; leave the predicate out, or use matches, contains or where",
            location=rule.location,
        )

    def _framed(self, step: Step, tool: str | None, texts: Constraint) -> Constraint:
        if step.tool != "call":
            return texts
        return within(texts, _call_frame(step, str(tool)))

    def _heard(self, step: Step, true: tuple[str, ...], among: tuple[str, ...], tool: str | None) -> Iterator[Letter]:
        """The letters of others: predicates are read off a result, ``empty(STEP)`` off what can be quoted."""
        fine = f"ok({tool})" in true if tool is not None else "error" not in true
        relevant = [p for p in self.spec.propositions if step.name in p.at and p.where is None]
        names = tuple(p.name for p in relevant)
        read = [p for p in relevant if fine and p.tool in (None, tool)]
        here = [(p.name, p.texts) for p in read if p.texts is not None]
        unknown = tuple(p.name for p in read if p.python is not None)
        empties = self._empties(step, true, tool)
        for held, _ in self._valuations(step, here, _ANYTHING):
            for said, bits in product(subsets(unknown), range(2 ** len(empties))):
                empty = [name for i, name in enumerate(empties) if bits >> i & 1]
                letter = _letter(step, (*true, *held, *said, *empty), (*among, *names, *empties), tool)
                self.read[letter] = frozenset(p.name for p in read)
                yield letter

    def _empties(self, step: Step, true: tuple[str, ...], tool: str | None) -> list[str]:
        """The propositions of emptiness that a letter of a tool or user says."""
        here = events(_letter(step, true, (), tool))
        return [
            made.name
            for made in self.bounds.values()
            if not made.lasts and (made.changes & here or (not made.asked and ("said", step.name) in made.changes))
        ]

    def _texts(self, predicate: Proposition, step: Step) -> Constraint:
        assert predicate.texts is not None
        if step.name in self.quoting:
            raise SpecError(
                f"proposition '{predicate.name}' reads '{step.name}', which quotes: put it at the step it quotes",
                location=predicate.location,
            )
        return written(predicate.texts, step)

    def _by_value(
        self, step: Step, tool: str | None, predicates: list[Proposition]
    ) -> Iterator[tuple[tuple[str, ...], Constraint]]:
        """As `_valuations`, for conditions on JSON values."""
        schema = step.schema if step.schema is not None else self.schemas[str(tool)].parameters
        found: list[tuple[tuple[bool, ...], Constraint]] = [((), NO_TEXT)]
        for i, predicate in enumerate(predicates):
            what = f"proposition '{predicate.name}', where"
            split = []
            for signs in [(*held, sign) for held, _ in found for sign in (True, False)]:
                conditions = [(p.where or {}, sign) for p, sign in zip(predicates[: i + 1], signs, strict=True)]
                try:
                    texts = valuation(schema, conditions, what=what)
                except InvalidInput as problem:
                    raise SpecError(problem.message, location=predicate.location) from None
                if texts != NO_TEXT:
                    split.append((signs, texts))
            if len(split) > limits.STEP_LETTERS:
                raise _too_many(step)
            found = split
        for signs, texts in found:
            yield tuple(p.name for p, sign in zip(predicates, signs, strict=True) if sign), texts

    def _valuations(
        self, step: Step, predicates: list[tuple[str, Constraint]], whole: Constraint
    ) -> Iterator[tuple[tuple[str, ...], Constraint]]:
        """Which of the predicates hold together, each with the texts of ``whole`` at which just these do."""
        what, language = f"the predicates of the step '{step.name}'", Language()
        found: list[tuple[tuple[str, ...], tuple[Constraint, ...]]] = [((), (whole,))]
        for name, true in predicates:
            split: list[tuple[tuple[str, ...], tuple[Constraint, ...]]] = []
            for held, parts in found:
                for ways in (((*held, name), (*parts, true)), (held, (*parts, Not(true)))):
                    if not language.is_empty(start=language.state_of(And(ways[1])), what=what):
                        split.append(ways)
                if len(split) > limits.STEP_LETTERS:
                    raise _too_many(step)
            found = split
        for held, parts in found:
            yield held, parts[0] if len(parts) == 1 else And(parts)


def _too_many(step: Step) -> TooLarge:
    return TooLarge(
        f"the step '{step.name}' has more than {limits.STEP_LETTERS} letters: it needs fewer propositions or tools",
        location=step.location,
    )


def _letter(
    step: Step,
    true: tuple[str, ...],
    among: tuple[str, ...],
    tool: str | None,
    unknown: frozenset[str] = frozenset(),
) -> Letter:
    named = frozenset((step.name, *true))
    completes = step.tool in ("arguments", "call")
    return Letter(named, frozenset(among) - named, step.name, step.owner, tool, completes, unknown)


def outcome(tool: str | None, *, ok: bool, error: bool) -> frozenset[str]:
    """The built-in propositions of a tool's answer, or without a tool of what a handler wrote."""
    if tool is None:
        return frozenset() if ok and not error else frozenset({"error"})
    if ok and not error:
        return frozenset({f"ok({tool})"})
    return frozenset({f"failed({tool})", *(["error"] if error else [])})


def call_frame(spec: Spec, letter: Letter) -> tuple[str, str]:
    """What stands before and behind the arguments in the content of a letter that completes a call."""
    step = spec.steps[letter.step] if letter.step is not None else None
    return _call_frame(step, str(letter.tool)) if step is not None and step.tool == "call" else ("", "")


def _call_frame(step: Step, tool: str) -> tuple[str, str]:
    return f"{step.call[0]}{tool}{step.call[1]}", step.call[2]


def line(spec: Spec, letter: Letter, content: Constraint) -> Constraint:
    """The whole text of a letter as the model writes it, cue to border."""
    assert letter.step is not None
    return written_line(spec.steps, spec.steps[letter.step], content)


def framed(text: str) -> str:
    """Text of a tool or user as it may stand in a transcript: later lines are indented, so none begins with a cue."""
    return f"\n{INDENT}".join(text.splitlines()) if text.splitlines() else ""
