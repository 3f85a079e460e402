"""``agentspec run``: one episode of an agent, its steps shown as they happen."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeVar

import typer

from agentspec.cli.dry_run import show_plan
from agentspec.cli.live import Live, console_for, is_terminal, line_of, no_step
from agentspec.cli.output import own_stdout
from agentspec.cli.settings import Settings, checked, model_name
from agentspec.errors import AgentSpecError, EngineFault, InvalidInput

if TYPE_CHECKING:
    from agentspec.checking.compile import Compiled
    from agentspec.engines.engine import Engine
    from agentspec.episode.episode import Episode
    from agentspec.episode.journal import Journal
    from agentspec.episode.trace import Result, StepRecord
    from agentspec.toolbox.registry import LoadedTools

E = TypeVar("E")


def run(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="A file, or the name of a shipped agent.")],
    task: Annotated[
        str | None, typer.Argument(metavar="[TASK]", help="The user's question; '-' reads it from stdin.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout; the steps go to stderr.")] = False,
    model: Annotated[
        str | None, typer.Option(help="A known model, a hub id, a folder or a .gguf file (see 'agentspec models').")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    offline: Annotated[bool, typer.Option("--offline", help="Touch no network.")] = False,
    tools: Annotated[
        list[Path] | None, typer.Option(help="A Python file whose tools are trusted for this run; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(help="For sampling; the same seed gives the same run.")] = 0,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 is greedy.")] = 0.0,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Tokens the model may emit.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Steps of all owners.")] = None,
    examples: Annotated[
        int | None, typer.Option(min=0, help="How many of the agent's worked episodes the prompt shows; 0 for none.")
    ] = None,
    no_guard: Annotated[bool, typer.Option("--no-guard", help="Let the model write freely, for comparison.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Stop before the model is loaded: show the prompt and what would be run.")
    ] = False,
) -> None:
    """Run an agent on a task.

    Exit code 0: accepted; 1: not accepted; 2: usage or invalid spec; 3: budget or time; 4: model, engine or tools;
    130: interrupted.
    """
    settings = Settings(
        model, seed, temperature, max_tokens, max_steps, not no_guard, device, dtype, offline, tuple(tools or ()),
        examples,
    )  # fmt: skip
    try:
        if dry_run:
            show_plan(agent, _task(task), settings, as_json=as_json)
            return
        result = play(agent, _task(task), settings, quiet=as_json)
    except AgentSpecError as problem:
        if as_json:
            status = "engine_fault" if isinstance(problem, EngineFault) else "refused"
            typer.echo(json.dumps(ended(status, str(problem)), ensure_ascii=False, indent=2))
        raise
    except KeyboardInterrupt:
        if as_json:
            typer.echo(json.dumps(ended("cancelled", "interrupted before the first step"), indent=2))
        raise typer.Exit(130) from None
    except OSError:  # the output cannot be written
        raise
    except Exception as problem:  # a fault of ours: say so in the shape that was asked for, then show it
        if as_json:
            typer.echo(json.dumps(ended("engine_fault", f"{type(problem).__name__}: {problem}"), indent=2))
        traceback.print_exc()
        raise typer.Exit(4) from None
    if as_json:
        typer.echo(json.dumps(result.to_json(), ensure_ascii=False, indent=2))
    raise typer.Exit(result.exit_code)


def play(name: str, task: str, settings: Settings, *, quiet: bool = False) -> Result:
    """Load, compile, open the model, run one episode; steps are printed as they come (to stderr if ``quiet``)."""
    from agentspec.checking.cache import compiled_agent
    from agentspec.episode.journal import Journal

    compiled = compiled_agent(name)
    if settings.guarded:
        _ = compiled.guard  # an unrealizable spec is refused before a model is loaded
    with Journal(compiled.agent.name) as journal, own_stdout() as out:
        episode = _episode(compiled, task, settings, journal)
        shown = sys.stderr if quiet else out
        try:
            if is_terminal(shown):
                watch(episode, Live(compiled, shown))
            else:
                with closing(episode.steps()) as steps:
                    follow(steps, lambda step: show(step, compiled, shown))
        except Exception:
            if episode.result is None or episode.result.status != "engine_fault":
                raise
            traceback.print_exc()  # a fault of ours: shown, and recorded as the episode's ending
    result = episode.result
    assert result is not None
    if not quiet or result.reason:
        tell(result, unguarded=not settings.guarded)
    return result


def watch(episode: Episode, live: Live) -> None:
    """Show what an episode writes as it comes."""
    try:
        with closing(episode.events()) as events:
            follow(events, live.tell)
    finally:
        live.end()


def follow(steps: Generator[E, None, None], tell: Callable[[E], None]) -> None:
    """Tell of each step, or of whatever comes; an interrupt between two of them reaches the episode."""
    try:
        for step in steps:
            tell(step)
    except KeyboardInterrupt as interrupt:
        with suppress(StopIteration):
            steps.throw(interrupt)


def _episode(compiled: Compiled, task: str, settings: Settings, journal: Journal) -> Episode:
    from agentspec.decoding.sample import Sampler
    from agentspec.episode.crew import crew
    from agentspec.episode.session import kind_of

    kind = kind_of(compiled, guarded=settings.guarded)
    budget = checked(compiled, task, settings)
    tools = open_tools(compiled, settings)
    compiled = compiled.with_functions(tools.functions)
    handlers = crew(compiled, tools.handlers, imported=lambda one: typer.echo(str(one), err=True))
    return kind(
        compiled,
        open_engine(settings, compiled.agent.model),
        tools,
        task,
        Sampler(settings.temperature, settings.seed),
        journal,
        budget,
        compiled.agent.limits.timeout,
        handlers=handlers,
        examples=settings.examples,
    )


def open_tools(compiled: Compiled, settings: Settings) -> LoadedTools:
    from agentspec.spec.handler import functions_of
    from agentspec.toolbox.registry import load_tools

    agent = compiled.agent
    folder = agent.source.parent if agent.source else None
    loaded = load_tools(
        agent.tools, folder, trusted_files=settings.tools, agent=agent.source, predicates=agent.spec.functions,
        handlers=functions_of(agent.spec.handlers),
    )  # fmt: skip
    for imported in loaded.imported:
        typer.echo(str(imported), err=True)
    return loaded


def open_engine(settings: Settings, declared: str | None) -> Engine:
    """The engine of the model asked for, fetched first if need be, with progress on stderr."""
    from agentspec.cli.models import open_shown

    name = model_name(settings.model, declared)
    return open_shown(name, device=settings.device, dtype=settings.dtype, offline=settings.offline)


def show(step: StepRecord, compiled: Compiled, out: TextIO) -> None:
    """Print one step: cue and content; tools' and users' text in other colours; what the run cost at the side."""
    console = console_for(out)
    if step.letter is None or step.letter.step is None:
        console.print(no_step(step))
    else:
        console.print(line_of(compiled.agent.spec.steps[step.letter.step], step.shown))


def tell(result: Result, *, unguarded: bool = False) -> None:
    """Print how a run ended, on stderr."""
    usage = result.usage
    share = f", {usage.forced_tokens} of them forced" if usage.forced_tokens else ""
    rules = [f"{verdict.rule} {verdict.verdict}" for verdict in result.verdicts]
    told = [
        f"{result.status}" + (" (unguarded)" if unguarded else "") + (f": {result.reason}" if result.reason else ""),
        f"{usage.steps} steps, tool calls: {usage.tool_calls}, {usage.tokens} tokens{share}, "
        f"{usage.model_calls} model calls, {usage.seconds:.1f} s",
        *(
            [f"agents asked: {usage.asked_tokens} tokens, {usage.asked_model_calls} model calls"]
            if usage.asked_tokens
            else []
        ),
        *([f"rules: {', '.join(rules)}"] if rules else []),
        *([f"trace: {result.trace_path}"] if result.trace_path else []),
    ]
    typer.echo("\n".join(told), err=True)


def _task(task: str | None) -> str:
    if sys.stdin is not None and (task == "-" or (task is None and not sys.stdin.isatty())):
        try:
            return sys.stdin.buffer.read().decode("utf-8").strip()
        except UnicodeDecodeError:
            raise InvalidInput("the task on stdin is not UTF-8") from None
    if task is None or task == "-":
        raise InvalidInput("a task is missing: agentspec run AGENT \"TASK\", or '-' to read it from stdin")
    return task


def ended(status: Any, reason: str) -> dict[str, Any]:
    """The shape of ``run --json`` for a run that did not begin."""
    from agentspec.episode.trace import Result, Usage

    return Result(status, None, "partial", (), Usage(), None, reason).to_json()
