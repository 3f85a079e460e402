"""An agent as a program uses it: load it, look at it, run it."""

from __future__ import annotations

import inspect
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, TypeVar, Unpack

from agentspec.api.asynchronous import AsyncSteps, AsyncTexts
from agentspec.api.engines import chosen_model, engine_of
from agentspec.api.guard import Guard
from agentspec.api.picture import Automaton
from agentspec.api.run import Run, Running, Steps, Texts
from agentspec.api.settings import Options, Settings
from agentspec.checking.check import Report, check
from agentspec.checking.compile import Compiled, compile_agent, tool_schemas
from agentspec.content.tool_ref import ToolRef
from agentspec.content.tool_schema import ToolSchema
from agentspec.engines.engine import Engine
from agentspec.episode.crew import Ready, crew
from agentspec.episode.moment import StepHandler
from agentspec.episode.pool import pool_of
from agentspec.episode.trace import StepRecord
from agentspec.errors import InvalidInput, SpecError, nearest
from agentspec.spec.handler import functions_of
from agentspec.spec.load import load as load_declaration
from agentspec.spec.load import load_text
from agentspec.spec.model import Declaration
from agentspec.toolbox.predicate import given_functions
from agentspec.toolbox.registry import LoadedTools, load_tools, tools_from_functions
from agentspec.toolbox.tool import Tool

logger = logging.getLogger("agentspec.tools")
R = TypeVar("R", bound=Running)
ToolLike = Callable[..., Any] | Tool


class Agent:
    """A declared agent with the caller's own tools, ready to be compiled and run; ``load`` and ``loads`` make one.

    Nothing is executed, and no model loaded, before it is needed. Runs may go on side by side, in threads and tasks.
    """

    def __init__(
        self,
        declaration: Declaration,
        *,
        tools: Sequence[ToolLike] = (),
        predicates: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
        handlers: Mapping[str, StepHandler] = MappingProxyType({}),
        model: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        offline: bool = False,
    ) -> None:
        self._given = tools_from_functions(tools)
        self._functions = given_functions(predicates, declaration.spec.propositions)
        for step in handlers:
            if step not in declaration.spec.handlers:
                known = [*declaration.spec.handlers]
                where = nearest(step, known) if known else ": the spec has none"
                raise InvalidInput(f"no step with a handler is called '{step}'{where}")
        self._handlers = dict(handlers)
        if self._given and not any(step.tool is not None for step in declaration.spec.steps.values()):
            raise InvalidInput(f"the spec '{declaration.spec.name}' has no step for tools: {', '.join(self._given)}")
        self._listed = tuple(ref for ref in declaration.tools if ref.name not in self._given)
        listed = {ref.name for ref in declaration.tools}
        added = tuple(ToolRef(name, None, name) for name in self._given if name not in listed)
        self.declaration = replace(declaration, tools=(*declaration.tools, *added))
        self.model = chosen_model(model, declaration.model)
        self._preparing = threading.RLock()
        self._opening = (self.model, device, dtype, offline)

    @property
    def name(self) -> str:
        """The agent's name."""
        return self.declaration.name

    # To look at ---------------------------------------------------------------------------------------------------

    def check(self) -> Report:
        """What ``agentspec check`` finds: can every run end well, does any step never occur, do the limits suffice?

        Raises InvalidInput where the spec, or an example in the prompt, cannot be used at all.
        """
        if self.compiled.realizable:
            pool_of(self.compiled)
        return check(self.compiled)

    def compile(self) -> Guard:
        """The agent's guard, made once. Raises SpecError, with the play by which tools win, where there is none."""
        return self._guard

    @cached_property
    def automaton(self) -> Automaton:
        """The automaton of behavior and ``block`` rules, before pruning; there even where no guard is."""
        return Automaton(*self.compiled.automaton, self.name)

    @cached_property
    def compiled(self) -> Compiled:
        """All that is compiled, for those who need its parts. Raises InvalidInput."""
        return compile_agent(self.declaration, self._schemas())

    @cached_property
    def engine(self) -> Engine:
        """The model, opened at the first use and shared with agents of the same model. Raises ModelMissing."""
        return engine_of(*self._opening)

    # To run -------------------------------------------------------------------------------------------------------

    def run(self, task: str, **options: Unpack[Options]) -> Run:
        """Run the agent on a task to its end, however it ends; ``Settings`` lists the options.

        Raises BudgetRefused or SpecError where the run may not start, ModelMissing where there is no model, and what
        ``on_step`` raises. All other endings have their name in ``status``.
        """
        with self.steps(task, **options) as steps:
            for _ in steps:
                pass
            return steps.result

    def steps(self, task: str, **options: Unpack[Options]) -> Steps:
        """Run the agent step by step, as the iteration asks for them."""
        return self._begin(Steps, task, _settings(options, waits=False))

    async def arun(self, task: str, **options: Unpack[Options]) -> Run:
        """As ``run``, in a thread of its own. Cancelling ends the run as cancelled before its next token."""
        async with self.asteps(task, **options) as steps:
            async for _ in steps:
                pass
            return steps.result

    def asteps(self, task: str, **options: Unpack[Options]) -> AsyncSteps:
        """As ``steps``, for ``async for``; the model writes in a thread of its own."""
        settings = _settings(options, waits=True)
        begin = partial(self._begin, Steps, task, replace(settings, on_step=None))
        return AsyncSteps(begin, StepRecord, settings.on_step)

    def stream(self, task: str, **options: Unpack[Options]) -> Texts:
        """Run the agent and iterate over its text as it comes, in pieces that are never taken back."""
        return self._begin(Texts, task, _settings(options, waits=False))

    def astream(self, task: str, **options: Unpack[Options]) -> AsyncTexts:
        """As ``stream``, for ``async for``; the model writes in a thread of its own."""
        settings = _settings(options, waits=True)
        begin = partial(self._begin, Texts, task, replace(settings, on_step=None))
        return AsyncTexts(begin, str, settings.on_step)

    def run_many(
        self, tasks: Sequence[str], *, seeds: Sequence[int] | None = None, at_once: int = 8, **options: Unpack[Options]
    ) -> list[Run]:
        """Run the agent on each task, up to ``at_once`` of them side by side: one forward carries all of them on.

        Each text is that of ``run``, up to rounding; nothing is guessed ahead (``lookahead``). ``seeds`` has one for
        each task, else all have ``seed``. Tools are called from several threads. A task that may not start has the
        status ``refused``; whatever else ``run`` raises ends all runs and is raised. Models with a recurrent state or a
        sliding window run the tasks one after the other, and the log says so.
        """
        from agentspec.api.many import run_many

        settings = _settings(options, waits=False)
        return run_many(self._begin, partial(self._engine_for, settings), tasks, settings, seeds, at_once)

    def _engine_for(self, settings: Settings) -> Engine:
        self._prepared(settings)
        return settings.engine or self.engine

    def _begin(self, running: Callable[..., R], task: str, settings: Settings) -> R:
        from agentspec.decoding.ahead import Lookup
        from agentspec.decoding.sample import Sampler
        from agentspec.episode.episode import Episode
        from agentspec.episode.session import kind_of

        if not task.strip():
            raise InvalidInput("the task is empty")
        limits = self.declaration.limits
        budget = settings.budget(limits)
        compiled, tools = self._prepared(settings)
        with self._preparing:
            engine = settings.engine or self.engine
        sampler = Sampler(settings.temperature, settings.seed)
        timeout = limits.timeout if settings.timeout is None else settings.timeout
        kind = kind_of(compiled, guarded=settings.guarded)

        def episode(shared: Engine) -> Episode:
            journal, lookup = settings.journal(self.name), Lookup(settings.lookahead)
            how = (budget, timeout, lookup, settings.logprobs, self._crew, settings.examples)
            return kind(compiled, shared, tools, task, sampler, journal, *how)

        return running(compiled, engine, episode, settings.on_step)

    def _prepared(self, settings: Settings) -> tuple[Compiled, Mapping[str, Tool]]:
        """What a run needs besides the model. Raises what forbids each of them."""
        with self._preparing:  # what is made once is made by one thread
            compiled = self.compiled
            if compiled.assumed_tools:
                raise SpecError(
                    f"the agent '{self.name}' has steps for tools and none is named: add 'tools:' or tools=[…]"
                )
            if settings.guarded is True:
                compiled.guard.refuse_hopeless(settings.budget(self.declaration.limits))  # before a model is loaded
            pool_of(compiled)
            _ = self._crew
            return self._with_functions(compiled), self._tools

    # --------------------------------------------------------------------------------------------------------------

    @cached_property
    def _guard(self) -> Guard:
        return Guard(self.compiled, self._with_functions if self.declaration.spec.functions else None)

    @cached_property
    def _loaded(self) -> LoadedTools:
        source, asked = self.declaration.source, self.declaration.spec.functions
        rest = {name: ref for name, ref in asked.items() if name not in self._functions}
        own = functions_of({s: one for s, one in self.declaration.spec.handlers.items() if s not in self._handlers})
        folder = source.parent if source else None
        loaded = load_tools(self._listed, folder, agent=source, predicates=rest, handlers=own)
        for imported in loaded.imported:
            logger.info("%s", imported)
        return loaded

    @cached_property
    def _crew(self) -> Mapping[str, Ready]:
        functions = {**self._loaded.handlers, **self._handlers}
        return crew(self.compiled, functions, imported=lambda one: logger.info("%s", one))

    @property
    def _tools(self) -> Mapping[str, Tool]:
        return {**self._loaded, **self._given}

    def _with_functions(self, compiled: Compiled) -> Compiled:
        if not self.declaration.spec.functions:
            return compiled
        return compiled.with_functions({**self._loaded.functions, **self._functions})

    def _schemas(self) -> Mapping[str, ToolSchema]:
        if not self._given:
            return tool_schemas(self.declaration)
        listed = tool_schemas(replace(self.declaration, tools=self._listed)) if self._listed else {}
        own = {name: tool.schema for name, tool in self._given.items()}
        return {ref.name: own[ref.name] if ref.name in own else listed[ref.name] for ref in self.declaration.tools}

    def __repr__(self) -> str:
        declared = self.declaration
        return (
            f"<Agent {self.name}: steps {', '.join(declared.spec.steps)}; rules "
            f"{', '.join(rule.id for rule in declared.spec.rules) or 'none'}; "
            f"tools {', '.join(ref.text for ref in declared.tools) or 'none'}; model {self.model}>"
        )

    def __reduce__(self) -> str:
        raise TypeError("an agent is not pickled: load it in each process")


def load(
    name: str | os.PathLike[str],
    *,
    tools: Sequence[ToolLike] = (),
    predicates: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
    handlers: Mapping[str, StepHandler] = MappingProxyType({}),
    model: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    offline: bool = False,
) -> Agent:
    """The agent in a file, or shipped under a name. Executes nothing.

    ``tools`` are Python functions with types and a docstring; each stands in for the tool of its name in the file, or
    is added. ``predicates`` are the functions of runtime predicates, by predicate; they beat the file's, and so do
    ``handlers``, by the step they write. ``model`` is a known model, a folder or what else ``agentspec models``
    accepts; it beats ``AGENTSPEC_MODEL``, which beats the file's. Raises InvalidInput with file, line and column; what
    takes the tools to tell, such as a name in a rule that nothing has, is raised by ``compile``, ``check`` and ``run``.
    """
    declaration = load_declaration(os.fspath(name))
    return Agent(
        declaration, tools=tools, predicates=predicates, handlers=handlers, model=model, device=device, dtype=dtype,
        offline=offline,
    )  # fmt: skip


def loads(
    text: str,
    *,
    tools: Sequence[ToolLike] = (),
    predicates: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
    handlers: Mapping[str, StepHandler] = MappingProxyType({}),
    model: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    offline: bool = False,
) -> Agent:
    """The agent that a YAML text declares; the rest is as for ``load``."""
    return Agent(
        load_text(text), tools=tools, predicates=predicates, handlers=handlers, model=model, device=device, dtype=dtype,
        offline=offline,
    )  # fmt: skip


def compile(agent: str | os.PathLike[str] | Agent) -> Guard:
    """The guard of an agent, of a file, or of what is shipped under a name. Executes nothing.

    Raises InvalidInput; SpecError, with the play by which tools win, where there is no guard.
    """
    return (agent if isinstance(agent, Agent) else load(agent)).compile()


def _settings(options: Options, *, waits: bool) -> Settings:
    settings = Settings(**options)
    if inspect.iscoroutinefunction(settings.on_step) and not waits:
        raise InvalidInput("on_step is a coroutine function, which only arun and asteps can await")
    return settings
