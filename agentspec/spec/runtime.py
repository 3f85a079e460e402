"""Runtime predicates: functions of what a step holds, called once the step is whole.

Nothing is known of them before, so both truths exist wherever they are read, and which it is, is the adversary's.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from agentspec.errors import EngineFault
from agentspec.spec.model import Proposition

Function = Callable[[Any], bool]


@dataclass(frozen=True, eq=False)
class Runtime:
    """The runtime predicates of a spec by name, and the functions of those that may be called."""

    declared: Mapping[str, Proposition]
    functions: Mapping[str, Function] = field(default_factory=dict)

    def truth(self, name: str, value: object) -> bool | None:
        """What the function says of a value; None where it is not at hand.

        Raises EngineFault naming predicate and function where it raises, or says neither True nor False.
        """
        function = self.functions.get(name)
        if function is None:
            return None
        what = f"the predicate '{name}'"
        if name in self.declared and (python := self.declared[name].python) is not None:
            what += f" ({python.text})"
        try:
            with contextlib.redirect_stdout(sys.stderr):
                said = function(value)
        except (Exception, SystemExit) as problem:
            raise EngineFault(f"{what} raised {_told(problem)}") from problem
        if said is not True and said is not False:
            raise EngineFault(f"{what} said {_shown(said)}, which is neither True nor False")
        return said

    def missing(self, names: Iterable[str]) -> EngineFault:
        """The error for predicates that must be decided and have no function at hand."""
        named = ", ".join(f"'{name}'" for name in sorted(names) if name not in self.functions)
        return EngineFault(f"whether {named} holds is said by a function, and it is not at hand here")


def subsets(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """All sets of the names, the empty one last, so that what holds comes first."""
    for signs in product((True, False), repeat=len(names)):
        yield tuple(name for name, sign in zip(names, signs, strict=True) if sign)


def _told(problem: BaseException) -> str:
    try:
        return f"{type(problem).__name__}: {problem}".removesuffix(": ")
    except Exception:  # its own __str__
        return type(problem).__name__


def _shown(value: object) -> str:
    try:
        return repr(value)[:80]
    except Exception:  # its own __repr__
        return f"a {type(value).__name__}"
