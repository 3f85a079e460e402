"""History tests: what a rule asks of one step's content in view of the steps before it.

Three kinds: a value that did not occur before (`Unique`), text taken verbatim from what was said (`Verbatim`), values
compared with earlier ones (`Compared`). A rule that holds one stands in the automaton as ``G !breaks(ID)``; no letter
of the guard's has ``breaks(ID)``, since texts that would break it are taken out of the grammar before each segment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from agentspec.automata.letter import Letter
from agentspec.logic.formula import Always, And, Atom, Constant, Formula, Iff, Implies, Not, Or, Xor, subformulas

Path = tuple[str, ...]
"""The names that lead into a JSON value; a number is a place in a list, ``*`` every place."""

Operator = Literal["==", "!=", "<", "<=", ">", ">="]
Scalar = str | Decimal | bool | None


@dataclass(frozen=True)
class Earlier:
    """``last(TOOL).path`` or ``any(TOOL).path``: a value in the result of the tool's latest ``ok`` call, or of any.

    With ``arguments`` it is one in the arguments of its latest call, or of any: ``last(call(TOOL)).path``.
    """

    tool: str
    arguments: bool
    every: bool
    path: Path

    def __str__(self) -> str:
        of = f"call({self.tool})" if self.arguments else self.tool
        return f"{'any' if self.every else 'last'}({of}){''.join(f'.{name}' for name in self.path)}"


@dataclass(frozen=True)
class Comparison:
    """The value at ``path`` in what is written, beside an earlier value or a constant.

    ``root`` is ``args``, the arguments of a call, or a step of the model that holds JSON.
    """

    root: str
    path: Path
    operator: Operator
    other: Earlier | Scalar


@dataclass(frozen=True)
class Unique:
    """The value at ``path`` (the whole arguments where it is empty) is none that an earlier call of the tool had.

    Of a list each item; its items differ from each other as well unless the path ends in ``*``.
    """

    premise: Formula | None
    root: str
    path: Path


@dataclass(frozen=True)
class Verbatim:
    """The text at ``path`` (each item of a list) consists of whole words of one line that a step of ``of`` held."""

    premise: Formula
    root: str
    path: Path
    of: tuple[str, ...]
    latest: bool
    min_words: int
    max_chars: int


@dataclass(frozen=True)
class Compared:
    """``wanted`` surely holds, a formula over propositions and ``#0``, ``#1``, … for the ``comparisons``.

    A comparison is neither true nor false where a value is missing, or the two are not of one kind (Kleene's logic).
    """

    wanted: Formula
    comparisons: tuple[Comparison, ...]


Test = Unique | Verbatim | Compared


def broken(rule: str) -> str:
    """The proposition that holds where a step breaks the history rule."""
    return f"breaks({rule})"


def kept(rule: str) -> Formula:
    """The formula of a history rule."""
    return Always(Not(Atom(broken(rule))))


def tools_of(test: Test) -> tuple[str, ...]:
    """The tools it refers back to."""
    return tuple(
        dict.fromkeys(one.other.tool for one in test.comparisons if isinstance(one.other, Earlier))
        if isinstance(test, Compared)
        else ()
    )


def steps_read(test: Test) -> tuple[str, ...]:
    """The steps whose texts it reads."""
    if isinstance(test, Compared):
        return tuple(dict.fromkeys(one.root for one in test.comparisons))
    return (test.root, *test.of) if isinstance(test, Verbatim) else (test.root,)


def propositions_of(test: Test) -> Formula | None:
    """The formula in it that speaks of propositions."""
    return test.wanted if isinstance(test, Compared) else test.premise


def about(test: Test, letter: Letter) -> Formula:
    """What is asked of a step of this letter: TRUE where nothing is, else a formula over the comparisons.

    FALSE, of `Compared`, where no text will do; of the other tests, where the step is concerned.
    """
    if isinstance(test, Compared):
        return _valued(test.wanted, letter)
    if test.premise is None:
        return Constant(not letter.completes_call)
    return Constant(_valued(test.premise, letter) != Constant(True))


def _valued(formula: Formula, letter: Letter) -> Formula:
    """The formula with the letter's truth in place of propositions, as far as it decides."""
    return rebuilt(formula, lambda atom: atom if atom.name.startswith("#") else Constant(atom.name in letter.true))


def rebuilt(formula: Formula, of: Callable[[Atom], Formula]) -> Formula:
    """A boolean formula in negation normal form with something in place of each atom, constants folded."""
    done: dict[Formula, tuple[Formula, Formula]] = {}
    for node in subformulas(formula):
        match node:
            case Atom():
                one = of(node)
                done[node] = one, _negated(one)
            case Constant(value=value):
                done[node] = Constant(value), Constant(not value)
            case Not(operand=inner):
                done[node] = done[inner][::-1]
            case And(operands=parts):
                done[node] = _all([done[part][0] for part in parts]), _any([done[part][1] for part in parts])
            case Or(operands=parts):
                done[node] = _any([done[part][0] for part in parts]), _all([done[part][1] for part in parts])
            case Implies() | Iff() | Xor():
                (left, not_left), (right, not_right) = (done[child] for child in node.children())
                if isinstance(node, Implies):
                    done[node] = _any([not_left, right]), _all([left, not_right])
                    continue
                same = _any([_all([left, right]), _all([not_left, not_right])])
                other = _any([_all([left, not_right]), _all([not_left, right])])
                done[node] = (same, other) if isinstance(node, Iff) else (other, same)
            case _:
                raise TypeError(f"{type(node).__name__} looks at other positions")
    return done[formula][0]


def _negated(formula: Formula) -> Formula:
    return Constant(not formula.value) if isinstance(formula, Constant) else Not(formula)


def _all(parts: list[Formula]) -> Formula:
    left = list(dict.fromkeys(part for part in parts if part != Constant(True)))
    if Constant(False) in left:
        return Constant(False)
    return Constant(True) if not left else left[0] if len(left) == 1 else And(tuple(left))


def _any(parts: list[Formula]) -> Formula:
    left = list(dict.fromkeys(part for part in parts if part != Constant(False)))
    if Constant(True) in left:
        return Constant(True)
    return Constant(False) if not left else left[0] if len(left) == 1 else Or(tuple(left))


def with_values(test: Test, names: Mapping[str, str], renamed: Callable[[Formula], Formula]) -> Test:
    """The test with the variables of ``for`` replaced, in its formula by ``renamed``."""
    match test:
        case Unique(premise=premise):
            return replace(test, premise=None if premise is None else renamed(premise))
        case Verbatim():
            return replace(
                test,
                premise=renamed(test.premise),
                of=tuple(dict.fromkeys(names.get(step, step) for step in test.of)),
            )
        case Compared():
            return replace(
                test,
                wanted=renamed(test.wanted),
                comparisons=tuple(
                    replace(one, other=replace(one.other, tool=names.get(one.other.tool, one.other.tool)))
                    if isinstance(one.other, Earlier)
                    else one
                    for one in test.comparisons
                ),
            )
