"""What the guard is worth: three tasks, four arms, 0 to 3 worked examples, on items with known answers.

    python benchmarks/experiment.py OUT [--model smollm2-135m] [--gguf FILE] [--limit N] [--shard 1/2] [--plot FILE.svg]

It is `agentspec eval` once a task, into a folder of OUT; what is there already is not run again, so an interrupted run
goes on, and two shards at once use two cores. The tables come out as Markdown, of all results there are; ``--report``
runs nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agentspec.api.engines import engine_of
from agentspec.engines.engine import Engine
from agentspec.evaluation.evaluation import Evaluation, chosen, parsed_shard
from agentspec.evaluation.metrics import metric
from agentspec.evaluation.play import Line, Player
from agentspec.evaluation.readers import data_file, read_items
from agentspec.evaluation.report import markdown
from agentspec.evaluation.results import read_lines, store
from agentspec.evaluation.setting import ARMS, Candidate, grid
from agentspec.evaluation.summary import Row, Summary, summary
from agentspec.spec.load import load
from agentspec.toolbox.registry import load_tools

TOKENS = 150
EXAMPLES = (0, 1, 2, 3)
COLOURS = {"unguarded": "#777777", "grammar": "#8f4400", "monitor": "#7b3fa0", "guard": "#0b57b0"}


@dataclass(frozen=True)
class Task:
    """One of the three: an agent, a shipped set, and how answers are judged.

    The agents are `react-zero` with three worked episodes of the task at hand, and `caller`.
    """

    name: str
    agent: str
    data: str
    metric: str


AGENTS = Path(__file__).parent / "experiment_agents"
TASKS = (
    Task("arithmetic", str(AGENTS / "sums.yaml"), "arithmetic", "numeric"),
    Task("look-up", str(AGENTS / "facts.yaml"), "lookup", "contains"),
    Task("function calling", "caller", "calls", "calls"),
)


@cache
def opened(model: str, gguf: Path | None) -> Engine:
    """The engine of a model, or of its GGUF file run by llama.cpp (`benchmarks/llamacpp.py`)."""
    if gguf is None:
        return engine_of(model, "auto", "auto", False)
    from llamacpp import LlamaCppEngine

    return LlamaCppEngine(model, gguf)


def evaluation(task: Task, model: str, limit: int | None, gguf: Path | None) -> Evaluation:
    """The evaluation of a task."""
    agent = load(task.agent)
    candidate = Candidate(agent.name, agent, tuple(load_tools(agent.tools).values()))
    measured = metric(task.metric)
    data, items = chosen(read_items(data_file(task.data)), measured, limit=limit)
    told = f"{model} ({gguf.stem}, llama.cpp)" if gguf else model
    settings = grid([agent.name], ARMS, EXAMPLES, [told], [0.0], [0])
    player = Player({agent.name: candidate}, lambda _: opened(model, gguf), measured, TOKENS)
    return Evaluation(data, items, settings, player)


def run(task: Task, asked: argparse.Namespace) -> Summary:
    """Run what is still to be run of a task, and read the results of all processes."""
    found, shard = evaluation(task, asked.model, asked.limit, asked.gguf), parsed_shard(asked.shard)
    total, began, done = sum(1 for _ in found.runs(shard)), time.monotonic(), 0

    def tell(line: Line) -> None:
        nonlocal done
        done += 1
        if done % 20 == 0 or done == total:
            passed = time.monotonic() - began
            print(f"{task.name}: {done} of {total}, {passed:.0f} s, {line.setting}", file=sys.stderr, flush=True)

    kind = f"{asked.model}-{asked.gguf.stem}" if asked.gguf else asked.model
    folder = asked.out / f"{task.data}-{kind.replace('/', '_')}"
    if asked.report:
        return summary(found, read_lines(folder))
    with store(folder, found.config(), shard) as results:
        found.run(results, shard, tell=tell)
        results.refresh()
        made = summary(found, results.lines)
        results.write("report.md", markdown(made))
    return made


def plotted(summaries: list[tuple[Task, Summary]]) -> str:
    """Scores with their intervals: a panel a task, a line an arm, over the number of worked examples."""
    width, height, left, top = 300, 220, 50, 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width * len(summaries) + 10} 350" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{left + width * len(summaries) + 10}" height="350" fill="white"/>',
    ]
    for i, arm in enumerate(ARMS):
        parts.append(f'<text x="{left + 110 * i}" y="20" fill="{COLOURS[arm]}">{arm}</text>')
    for i, (task, found) in enumerate(summaries):
        x0 = left + width * i

        def place(k: float, share: float, x0: int = x0) -> tuple[float, float]:
            return x0 + 20 + 70 * k, top + height * (1 - share)

        parts.append(f'<text x="{x0 + 20}" y="{top - 14}" font-weight="bold">{task.name}</text>')
        for share in (0, 0.25, 0.5, 0.75, 1):
            y = place(0, share)[1]
            parts.append(f'<line x1="{x0}" x2="{x0 + 260}" y1="{y:.0f}" y2="{y:.0f}" stroke="#dddddd"/>')
            if i == 0:
                parts.append(f'<text x="{x0 - 8}" y="{y + 4:.0f}" text-anchor="end">{100 * share:.0f} %</text>')
        parts += [f'<text x="{place(k, 0)[0] - 4:.0f}" y="{top + height + 20}">{k}</text>' for k in EXAMPLES]
        for number, arm in enumerate(ARMS):
            rows = [row for row in found.rows if row.setting.arm == arm and row.items]
            points = []
            for row in rows:
                shifted = float(row.setting.examples or 0) + 0.06 * (number - 1.5)
                x, y = place(shifted, row.score)
                low, high = place(0, row.interval[0])[1], place(0, row.interval[1])[1]
                points.append(f"{x:.1f},{y:.1f}")
                parts.append(
                    f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="{COLOURS[arm]}"/>'
                )
                parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[arm]}"/>')
            parts.append(f'<polyline fill="none" stroke="{COLOURS[arm]}" points="{" ".join(points)}"/>')
    middle = left + width * len(summaries) / 2
    place_of = f'x="{middle:.0f}" y="{top + height + 45}" text-anchor="middle"'
    parts.append(f"<text {place_of}>worked examples in the prompt</text>")
    return "\n".join([*parts, "</svg>\n"])


def overview(summaries: list[tuple[Task, Summary]]) -> str:
    """One table of all: a row a task and number of examples, a column an arm."""
    lines = [f"| task | examples | {' | '.join(ARMS)} |", f"| --- | ---: |{' ---: |' * len(ARMS)}"]
    for task, found in summaries:
        for k in EXAMPLES:
            rows = {row.setting.arm: row for row in found.rows if row.setting.examples == k}
            lines.append(f"| {task.name} | {k} | {' | '.join(_cell(rows[arm]) for arm in ARMS)} |")
    return "\n".join(lines)


def _cell(row: Row) -> str:
    if not row.items:
        return "-"
    low, high = row.interval
    return f"{100 * row.score:.0f} [{100 * low:.0f}, {100 * high:.0f}]"


def main() -> int:
    """Run, or only report; the tables go to stdout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--gguf", type=Path, help="its file, to be run by llama.cpp")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--shard", default="1/1")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--report", action="store_true")
    asked = parser.parse_args()
    summaries = [(task, run(task, asked)) for task in TASKS]
    told = summaries[0][1].evaluation.settings[0].model
    print(f"Scores in percent with 95 % intervals, {told}, {TOKENS} tokens a run.\n\n{overview(summaries)}\n")
    for task, found in summaries:
        print(f"## {task.name}\n{markdown(found)}")
    if asked.plot:
        asked.plot.write_text(plotted(summaries), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
