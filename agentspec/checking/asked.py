"""The agents that handlers ask: compiled, and refused where they cannot be guarded or would ask themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agentspec.checking.cache import compiled_agent
from agentspec.checking.compile import Compiled
from agentspec.errors import InvalidInput, SpecError

Above = tuple[Path, ...]
"""The files of the agents by which one is asked, the first of all first."""


def above(compiled: Compiled) -> Above:
    """What stands above the agents that an agent asks: its own file."""
    return () if compiled.agent.source is None else (compiled.agent.source.resolve(),)


def asked(step: str, path: Path, by: Above) -> tuple[Compiled, Above]:
    """The agent in a file that the handler of ``step`` asks, and what stands above those it asks itself.

    Raises SpecError where it is a session, cannot be guarded, or is one of those by which it is asked.
    """
    here = path.resolve()
    if here in by:
        circle = " → ".join(one.stem for one in (*by[by.index(here) :], here))
        raise SpecError(f"the handler of '{step}' asks in a circle: {circle}")
    compiled = compiled_agent(str(path))
    name = compiled.agent.name
    if compiled.agent.spec.semantics == "infinite":
        raise SpecError(f"the handler of '{step}' asks '{name}', which is a session without an end")
    if not compiled.realizable:
        raise SpecError(f"the handler of '{step}' asks '{name}', which cannot be guarded: {compiled.refusal().message}")
    return compiled, (*by, here)


def faults(compiled: Compiled) -> Iterator[str]:
    """What is wrong with the agents that an agent asks, and with those that they ask."""
    waiting = [(compiled, above(compiled))]
    for one, by in waiting:
        for step, handler in one.agent.spec.handlers.items():
            for _, path in handler.agents:
                try:
                    waiting.append(asked(step, path, by))
                except InvalidInput as problem:
                    yield str(problem)
