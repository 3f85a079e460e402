"""``agentspec eval``: agents and arms side by side on a file of items, with intervals; what is stopped goes on."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from agentspec.cli.output import own_stdout
from agentspec.errors import InvalidInput

if TYPE_CHECKING:
    from agentspec.engines.engine import Engine
    from agentspec.evaluation.evaluation import Evaluation
    from agentspec.evaluation.metrics import Metric
    from agentspec.evaluation.play import Line
    from agentspec.evaluation.setting import Candidate

N = TypeVar("N", int, float)


def eval(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="AGENT... DATA", help="Agents, as files or shipped names; last a file of items, or a shipped set."
        ),
    ],
    metric: Annotated[
        str | None,
        typer.Option(help="exact, contains, numeric, f1, calls, python:module.function or ./file.py:function."),
    ] = None,
    reader: Annotated[str, typer.Option(help="auto, jsonl, gsm8k, hotpotqa or bfcl.")] = "auto",
    answers: Annotated[Path | None, typer.Option(help="BFCL's second file, of accepted answers.")] = None,
    context: Annotated[bool, typer.Option("--context", help="HotpotQA: show what is given to read.")] = False,
    tolerance: Annotated[float, typer.Option(min=0.0, help="How far a numeric answer may be off.")] = 0.0,
    arm: Annotated[
        list[str] | None, typer.Option(help="unguarded, grammar, monitor, guard; may be repeated. By default guard.")
    ] = None,
    arms: Annotated[str | None, typer.Option(help="The same in one: all, or unguarded,guard.")] = None,
    examples: Annotated[
        str | None, typer.Option(help="How many of the agent's worked examples the prompt shows: 0,1,2.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="As for 'run'; may be repeated.")] = None,
    temperature: Annotated[str, typer.Option(help="0 is greedy; 0,0.8 compares two.")] = "0",
    seed: Annotated[str, typer.Option(help="For sampling, and --sample; 0,1,2 compares three.")] = "0",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many items.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Only so many items, drawn by the (first) seed.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Tokens of a run, the same for all arms.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Steps of a run.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds of a run.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder for results, report and summary; the same command goes on with it.")
    ] = None,
    shard: Annotated[str, typer.Option(help="i/n: run each n-th item from the i-th, into the same --out.")] = "1/1",
    traces: Annotated[bool, typer.Option("--traces", help="Keep the record of each run in --out.")] = False,
    tools: Annotated[list[Path] | None, typer.Option(help="A Python file whose tools are trusted for this.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    offline: Annotated[bool, typer.Option("--offline", help="Touch no network.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as one object on stdout.")] = False,
) -> None:
    """Run agents on items with known answers and compare them: with the guard, without, and with what stands in for it.

    Exit code 0: every run has a result; 2: usage, or nothing that can be read; 3: each was refused, for its budget or
    its tools; 4: each had a fault of model, engine or tools; 130: interrupted (with --out the same command goes on).
    """
    from agentspec.evaluation.evaluation import parsed_shard
    from agentspec.evaluation.report import markdown
    from agentspec.evaluation.results import store
    from agentspec.evaluation.summary import summary

    if len(names) < 2:
        raise InvalidInput("name an agent and a file of items: agentspec eval AGENT... DATA")
    part = parsed_shard(shard)
    if out is None and (part != (1, 1) or traces):
        raise InvalidInput("--shard and --traces need a folder: --out DIR")
    engines = _Engines(device, dtype, offline)
    asked = _Asked(
        names[:-1], names[-1], metric, reader, answers, context, tolerance, [*(arm or []), *_split(arms)],
        examples, model or [], temperature, seed, limit, sample, max_tokens, max_steps, timeout,
        out / "traces" if out is not None and traces else None, tools or [],
    )  # fmt: skip
    evaluation = asked.evaluation(engines.open)
    evaluation.check()
    for fault in evaluation.data.faults[:20]:
        typer.echo(f"not read: {fault}", err=True)
    with store(out, evaluation.config(), part) as results, own_stdout():
        many = sum(1 for _ in evaluation.runs(part))
        try:
            with _progress(many) as tell:
                evaluation.run(results, part, tell=tell)
        except KeyboardInterrupt:
            goes_on = f"; the same command goes on, with what is in {out}" if out is not None else ""
            typer.echo(f"interrupted after {len(results.lines)} runs{goes_on}", err=True)
            raise typer.Exit(130) from None
        results.refresh()
        found = summary(evaluation, results.lines)
        report, shape = markdown(found), json.dumps(found.to_json(), ensure_ascii=False, indent=2)
        results.write("report.md", report)
        results.write("summary.json", shape + "\n")
    typer.echo(shape if as_json else report.rstrip("\n"))
    statuses = {status for row in found.rows for status in row.statuses}
    raise typer.Exit(4 if statuses == {"engine_fault"} else 3 if statuses == {"refused"} else 0)


@dataclass(frozen=True)
class _Asked:
    """The options as they were given."""

    agents: list[str]
    data: str
    metric: str | None
    reader: str
    answers: Path | None
    context: bool
    tolerance: float
    arms: list[str]
    examples: str | None
    models: list[str]
    temperature: str
    seed: str
    limit: int | None
    sample: int | None
    max_tokens: int | None
    max_steps: int | None
    timeout: float | None
    traces: Path | None
    tools: list[Path]

    def evaluation(self, engines: Callable[[str], Engine]) -> Evaluation:
        """What they ask for. Raises InvalidInput."""
        from agentspec.evaluation.evaluation import Evaluation, chosen
        from agentspec.evaluation.play import Player
        from agentspec.evaluation.readers import METRICS, data_file, read_items
        from agentspec.evaluation.setting import arms_named, grid

        if self.timeout is not None and not 0 < self.timeout < math.inf:
            raise InvalidInput(f"--timeout takes a number of seconds above 0, not {self.timeout!r}")
        seeds = _numbers("--seed", self.seed, int)
        data = read_items(data_file(self.data), self.reader, answers=self.answers, context=self.context)
        measured = self._metric(self.metric or METRICS[data.reader])
        data, items = chosen(data, measured, limit=self.limit, sample=self.sample, seed=seeds[0])
        candidates = {name: self._candidate(name) for name in self.agents}
        settings = grid(
            self.agents,
            arms_named(self.arms or ["guard"]),
            [None] if self.examples is None else _numbers("--examples", self.examples, int),
            self.models or [self._model(candidates)],
            _numbers("--temperature", self.temperature, float),
            seeds,
        )
        player = Player(
            candidates, engines, measured, self.max_tokens, self.max_steps, self.timeout, self.traces
        )  # fmt: skip
        return Evaluation(data, items, settings, player, self.tolerance, self.context)

    def _metric(self, name: str) -> Metric:
        from agentspec.evaluation.metrics import metric
        from agentspec.evaluation.own_metric import own_metric

        return own_metric(name, Path.cwd()) if ":" in name else metric(name, tolerance=self.tolerance)

    def _model(self, candidates: dict[str, Candidate]) -> str:
        from agentspec.cli.settings import model_name

        names = {model_name(None, candidate.declaration.model) for candidate in candidates.values()}
        if len(names) > 1:
            raise InvalidInput(f"the agents name different models: choose with --model ({', '.join(sorted(names))})")
        return names.pop()

    def _candidate(self, name: str) -> Candidate:
        from agentspec.evaluation.setting import Candidate
        from agentspec.spec.handler import functions_of
        from agentspec.spec.load import load
        from agentspec.toolbox.registry import load_tools

        agent = load(name)
        folder = agent.source.parent if agent.source else None
        loaded = load_tools(
            agent.tools,
            folder,
            trusted_files=self.tools,
            agent=agent.source,
            predicates=agent.spec.functions,
            handlers=functions_of(agent.spec.handlers),
        )
        for imported in loaded.imported:
            if imported.origin != "shipped":
                typer.echo(str(imported), err=True)
        return Candidate(name, agent, tuple(loaded.values()), loaded.functions, loaded.handlers)


class _Engines:
    """Models, each opened when it is first asked for; the latest one stays."""

    def __init__(self, device: str, dtype: str, offline: bool) -> None:
        from agentspec.engines.device import check_names

        check_names(device, dtype)
        self._how = (device, dtype, offline)
        self._open: tuple[str, Engine] | None = None

    def open(self, name: str) -> Engine:
        """The engine of a model. Raises ModelMissing."""
        if self._open is None or self._open[0] != name:
            self._open = None  # gives the memory back before the next one takes some
            self._open = (name, open_engine(name, *self._how))
        return self._open[1]


def open_engine(name: str, device: str, dtype: str, offline: bool) -> Engine:
    """The engine of a model, fetched first if need be, with progress on stderr."""
    from agentspec.cli.models import open_shown

    return open_shown(name, device=device, dtype=dtype, offline=offline)


def _split(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()] if text else []


def _numbers(option: str, text: str, kind: Callable[[str], N]) -> list[N]:
    """Numbers of 0 or more, with commas between them."""
    try:
        found = [kind(part) for part in _split(text)]
    except ValueError:
        found = []
    if not found or not all(0 <= one < 2**63 for one in found):
        raise InvalidInput(f"{option} takes numbers of 0 or more, such as 0 or 0,1,2, not {text!r}")
    return found


@contextmanager
def _progress(many: int) -> Iterator[Callable[[Line], None]]:
    """A bar on stderr where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("runs", total=many)
        yield lambda line: bars.update(task, advance=1, description=line.setting.replace("|", " ")[:40])
