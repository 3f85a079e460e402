"""The agents that handlers ask: compiled, and refused where they cannot be guarded or would ask themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agentspec import limits
from agentspec.checking.cache import compiled_agent
from agentspec.checking.compile import Compiled
from agentspec.errors import InvalidInput, SpecError

Above = tuple[Path, ...]
"""The files of the agents by which one is asked, the first of all first."""


def above(compiled: Compiled) -> Above:
    """What stands above the agents that an agent asks: its own file."""
    return () if compiled.agent.source is None else (compiled.agent.source.resolve(),)


def reached(step: str, path: Path, by: Above) -> Path:
    """The file of the agent that the handler of ``step`` asks.

    Raises SpecError where it is one of those by which it is asked, or they are too many.
    """
    here = path.resolve()
    if here in by:
        circle = " → ".join(one.stem for one in (*by[by.index(here) :], here))
        raise SpecError(f"the handler of '{step}' asks in a circle: {circle}")
    if len(by) > limits.ASKED_DEPTH:
        raise too_deep(step)
    return here


def too_deep(step: str) -> SpecError:
    """The fault of agents that ask agents that ask agents, and so on."""
    return SpecError(f"the handler of '{step}' asks agents that ask agents, more than {limits.ASKED_DEPTH} deep")


def asked(step: str, path: Path) -> Compiled:
    """The agent in a file that the handler of ``step`` asks. Raises SpecError for a session, or without a guard."""
    compiled = compiled_agent(str(path))
    name = compiled.agent.name
    if compiled.agent.spec.semantics == "infinite":
        raise SpecError(f"the handler of '{step}' asks '{name}', which is a session without an end")
    if not compiled.realizable:
        raise SpecError(f"the handler of '{step}' asks '{name}', which cannot be guarded: {compiled.refusal().message}")
    return compiled


def faults(compiled: Compiled) -> Iterator[str]:
    """What is wrong with the agents that an agent asks, and with those that they ask; each is looked at once."""
    yield from _faults(compiled, above(compiled), set())


def _faults(compiled: Compiled, by: Above, done: set[Path]) -> Iterator[str]:
    for step, handler in compiled.agent.spec.handlers.items():
        for _, path in handler.agents:
            try:
                here = reached(step, path, by)
                if here not in done:
                    yield from _faults(asked(step, path), (*by, here), done)
                    done.add(here)
            except InvalidInput as problem:
                yield str(problem)
