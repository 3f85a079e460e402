"""Declarative agents whose every run obeys its temporal rules, by construction.

    agent = agentspec.load("react")
    run = agent.run("What is 48 * 17?")
    print(run.answer)

Names are imported when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Agent",
    "AgentSpecError",
    "Answer",
    "AsyncSteps",
    "AsyncTexts",
    "Automaton",
    "Budget",
    "BudgetRefused",
    "Cursor",
    "EngineFault",
    "Guard",
    "GuardLogits",
    "InvalidInput",
    "Letter",
    "ModelMissing",
    "Moment",
    "Refused",
    "Report",
    "Run",
    "Said",
    "SpecError",
    "StepHandler",
    "StepRecord",
    "Steps",
    "SyntaxProblem",
    "Texts",
    "TooLarge",
    "Tool",
    "ToolError",
    "Usage",
    "Verdict",
    "Written",
    "__version__",
    "compile",
    "holds",
    "load",
    "loads",
    "parse_formula",
    "tool",
]

if TYPE_CHECKING:
    from agentspec.api.agent import Agent, compile, load, loads
    from agentspec.api.asynchronous import AsyncSteps, AsyncTexts
    from agentspec.api.cursor import Cursor
    from agentspec.api.guard import Guard
    from agentspec.api.logits import GuardLogits
    from agentspec.api.picture import Automaton
    from agentspec.api.run import Run, Steps, Texts
    from agentspec.automata.letter import Letter
    from agentspec.checking.check import Report
    from agentspec.episode.moment import Answer, Moment, Said, StepHandler, Written
    from agentspec.episode.trace import StepRecord, Usage, Verdict
    from agentspec.errors import (
        AgentSpecError,
        BudgetRefused,
        EngineFault,
        InvalidInput,
        ModelMissing,
        Refused,
        SpecError,
        SyntaxProblem,
        TooLarge,
        ToolError,
    )
    from agentspec.guard.budget import Budget
    from agentspec.logic.parse import parse_formula
    from agentspec.logic.semantics import holds
    from agentspec.toolbox.tool import Tool, tool
else:
    _HOMES = {
        "agentspec.api.agent": ("Agent", "compile", "load", "loads"),
        "agentspec.api.asynchronous": ("AsyncSteps", "AsyncTexts"),
        "agentspec.api.cursor": ("Cursor",),
        "agentspec.api.guard": ("Guard",),
        "agentspec.api.logits": ("GuardLogits",),
        "agentspec.api.picture": ("Automaton",),
        "agentspec.api.run": ("Run", "Steps", "Texts"),
        "agentspec.automata.letter": ("Letter",),
        "agentspec.checking.check": ("Report",),
        "agentspec.episode.moment": ("Answer", "Moment", "Said", "StepHandler", "Written"),
        "agentspec.episode.trace": ("StepRecord", "Usage", "Verdict"),
        "agentspec.errors": (
            "AgentSpecError", "BudgetRefused", "EngineFault", "InvalidInput", "ModelMissing", "Refused", "SpecError",
            "SyntaxProblem", "TooLarge", "ToolError",
        ),
        "agentspec.guard.budget": ("Budget",),
        "agentspec.logic.parse": ("parse_formula",),
        "agentspec.logic.semantics": ("holds",),
        "agentspec.toolbox.tool": ("Tool", "tool"),
    }  # fmt: skip
    _HOME = {name: home for home, names in _HOMES.items() for name in names}

    def __getattr__(name):
        from importlib import import_module

        if name not in _HOME:
            raise AttributeError(f"module 'agentspec' has no attribute '{name}'")
        found = globals()[name] = getattr(import_module(_HOME[name]), name)
        return found

    def __dir__():
        return sorted({*globals(), *__all__})
