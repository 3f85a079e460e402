"""``agentspec chat``: a talk in the terminal. A session without an end, or one episode a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from agentspec.cli import run as running
from agentspec.cli.output import own_stdout
from agentspec.cli.settings import Settings, checked
from agentspec.errors import AgentSpecError, EngineFault, InvalidInput

if TYPE_CHECKING:
    from agentspec.checking.compile import Compiled
    from agentspec.episode.episode import Episode
    from agentspec.episode.trace import Result, StepRecord

QUIT = ("/quit", "/exit")


def chat(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="A file, or the name of a shipped agent.")],
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout; the steps go to stderr.")] = False,
    model: Annotated[
        str | None, typer.Option(help="A known model, a hub id, a folder or a .gguf file (see 'agentspec models').")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    offline: Annotated[bool, typer.Option("--offline", help="Touch no network.")] = False,
    tools: Annotated[
        list[Path] | None, typer.Option(help="A Python file whose tools are trusted for this talk; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(help="For sampling; the same seed gives the same talk.")] = 0,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 is greedy.")] = 0.0,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Tokens the model may emit for each line.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Steps of all owners for each line.")] = None,
) -> None:
    """Talk to an agent: each line is a message; /quit or the end of the input ends the talk.

    An agent with 'semantics: infinite' holds one session; any other runs an episode for each line, on its own.
    Without a terminal the lines are read from stdin.

    Exit code 0: you left; else that of the worst ending, as for 'run'.
    """
    settings = Settings(
        model, seed, temperature, max_tokens, max_steps, True, device, dtype, offline, tuple(tools or ())
    )
    try:
        code, shape = talk(agent, settings, quiet=as_json)
    except AgentSpecError as problem:
        if as_json:
            status = "engine_fault" if isinstance(problem, EngineFault) else "refused"
            typer.echo(json.dumps(running.ended(status, str(problem)), ensure_ascii=False, indent=2))
        raise
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps(shape, ensure_ascii=False, indent=2))
    raise typer.Exit(code)


def talk(name: str, settings: Settings, *, quiet: bool = False) -> tuple[int, dict[str, Any]]:
    """Load, compile, open the model, talk until the user leaves. Returns the exit code and what ``--json`` shows."""
    from agentspec.checking.cache import compiled_agent
    from agentspec.checking.compile_session import CompiledSession

    compiled = compiled_agent(name)
    _ = compiled.guard  # an unrealizable spec is refused before a model is loaded
    checked(compiled, "?", settings)
    typed = sys.stdin is not None and sys.stdin.isatty()
    with own_stdout() as out:
        shown = sys.stderr if quiet else out
        if isinstance(compiled, CompiledSession):
            return _session(compiled, settings, typed, shown)
        return _episodes(compiled, settings, typed, shown)


def _session(compiled: Compiled, settings: Settings, typed: bool, out: TextIO) -> tuple[int, dict[str, Any]]:
    """One session; the user leaving it is its good end."""
    from agentspec.episode.session import Session, replies

    make = _maker(compiled, settings)
    coming = lines(typed)
    first = next(coming, None)
    if first is None:
        return 0, {**running.ended("pending", "nothing was said"), "turns": []}
    session = make(Session, first, messages=coming)
    assert isinstance(session, Session)
    result = _play(session, compiled, typed, out)
    running.tell(result)
    return 0 if result.status == "pending" else result.exit_code, {**result.to_json(), "turns": replies(session)}


def _episodes(compiled: Compiled, settings: Settings, typed: bool, out: TextIO) -> tuple[int, dict[str, Any]]:
    """An episode for each line."""
    from agentspec.episode.episode import Episode

    make = _maker(compiled, settings)
    results: list[Result] = []
    for line in lines(typed):
        result = _play(make(Episode, line), compiled, typed, out)
        results.append(result)
        if result.status != "accepted":
            running.tell(result)
        if result.status == "cancelled":
            break
    code = max((result.exit_code for result in results), default=0)
    return code, {"schema_version": 1, "runs": [result.to_json() for result in results]}


def _maker(compiled: Compiled, settings: Settings) -> Callable[..., Episode]:
    """How to make an episode, or a session, with the engine opened once and a trace of its own for each."""
    from agentspec.decoding.sample import Sampler
    from agentspec.episode.journal import Journal

    budget = checked(compiled, "?", settings)
    tools = running.open_tools(compiled, settings)
    compiled = compiled.with_functions(tools.functions)
    engine = running.open_engine(settings, compiled.agent.model)

    def make(kind: type[Episode], task: str, **more: Any) -> Episode:
        sampler = Sampler(settings.temperature, settings.seed)
        journal, timeout = Journal(compiled.agent.name), compiled.agent.limits.timeout
        return kind(compiled, engine, tools, task, sampler, journal, budget, timeout, **more)

    return make


def _play(episode: Episode, compiled: Compiled, typed: bool, out: TextIO) -> Result:
    """Run to the end, each step shown as it comes; what was typed here is not shown again."""

    def show(step: StepRecord) -> None:
        if not (typed and step.letter is not None and step.letter.owner == "user"):
            running.show(step, compiled, out)

    steps = episode.steps()
    assert episode.journal is not None
    with episode.journal, closing(steps):
        running.follow(steps, show)
    assert episode.result is not None
    return episode.result


def lines(typed: bool) -> Iterator[str]:
    """The user's messages, one a line, up to /quit or the end of the input; blank lines are nothing.

    Raises InvalidInput for a line that is not UTF-8.
    """
    if typed:
        typer.echo("Say something; /quit ends the talk.", err=True)
    for number, line in enumerate(_typed() if typed else _read(), start=1):
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError:
            raise InvalidInput(f"line {number} of the input is not UTF-8") from None
        if text in QUIT:
            return
        if text:
            yield text


def _read() -> Iterator[bytes]:
    if sys.stdin is not None:
        yield from sys.stdin.buffer


def _typed() -> Iterator[bytes]:
    """What is typed behind a prompt, with the keys of readline where it is there."""
    with suppress(ImportError):
        import readline  # noqa: F401
    while True:
        try:
            yield input("> ").encode("utf-8", "surrogateescape")
        except EOFError:
            typer.echo("", err=True)
            return
