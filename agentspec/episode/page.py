"""An episode as something to look at: an HTML fragment for notebooks, a page of its own, the guard as a picture.

No scripts, nothing to fetch, all styles inline. What models, tools and users wrote is escaped, its control characters
are made visible, and what is very long is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from agentspec.automata.label import visible
from agentspec.automata.letter import Owner
from agentspec.automata.lettering import DARK
from agentspec.automata.svg import PALE, to_svg
from agentspec.checking.compile import Compiled
from agentspec.episode.trace import Result, StepRecord, Usage, Verdict
from agentspec.errors import TooLarge

LONGEST = 4000  # characters of one text
INK, SOFT, EDGE, RED = "#24292f", "#57606a", "#d0d7de", "#b3261e"
SANS = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
MONOSPACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SMALL = f"color:{SOFT};font-size:12px"
CELL = f"padding:3px 14px 3px 0;text-align:left;vertical-align:top;border:0;border-top:1px solid {EDGE};background:none"
WRITTEN = f"white-space:pre-wrap;overflow-wrap:anywhere;font-family:{MONOSPACE};font-size:13px"
GROUND = (
    f"background:#ffffff;color:{INK};font-family:{SANS};font-size:14px;line-height:1.45;padding:12px;max-width:860px"
)
FINE = {"satisfied": ("✓", DARK[Owner.USER]), "violated": ("✗", RED), "undecided": ("?", SOFT)}
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def trace_html(records: Iterable[StepRecord], compiled: Compiled, result: Result | None) -> str:
    """An HTML fragment: a card a step, then, where there is a result, how it ended, the verdicts and the usage."""
    cards = "".join(_card(record, compiled) for record in records)
    ending = "" if result is None else _ending(result, compiled)
    return f'<div style="{GROUND}">{cards}{ending}</div>\n'


def trace_page(records: Iterable[StepRecord], compiled: Compiled, result: Result | None) -> str:
    """A whole HTML page: the episode and the automaton with the states it passed."""
    kept = list(records)
    name, spec = escape(visible(compiled.agent.name)), compiled.agent.spec
    described = f'<p style="{SMALL};margin:0 12px 12px">{_text(spec.description)}</p>' if spec.description else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{name}: an episode</title>\n'
        f'</head>\n<body style="margin:0 auto;padding:16px;max-width:1100px;background:#ffffff;color:{INK};'
        f'font-family:{SANS}">\n<h1 style="font-size:20px;margin:0 12px 4px">{name}</h1>\n{described}\n'
        f"{trace_html(kept, compiled, result)}{_drawn(kept, compiled)}</body>\n</html>\n"
    )


def guard_svg(compiled: Compiled, state: int) -> str:
    """The minimal automaton of behavior and rules, with the place of an arena state in it marked.

    A state from which nothing can be accepted any more has no place; then nothing is marked. Raises TooLarge where
    the automaton has too many states for a picture, and ValueError where the arena has no such state.
    """
    if not 0 <= state < len(compiled.arena):
        raise ValueError(f"there is no state {state}: states are 0 to {len(compiled.arena) - 1}")
    _, image = compiled.arena.language()
    return _automaton(compiled, image[state])


def _automaton(compiled: Compiled, position: int | None) -> str:
    dfa, winning = compiled.automaton
    return to_svg(dfa, winning, position=position, title=compiled.agent.name)


# Steps ----------------------------------------------------------------------------------------------------------------


def _card(record: StepRecord, compiled: Compiled) -> str:
    letter = record.letter
    if letter is None or letter.step is None:
        return _box(RED, "#fdecea", "(no step)", "", _body(record), record)
    declared = compiled.agent.spec.steps[letter.step]
    beside = " & ".join(sorted(letter.true - {letter.step}))
    about = ", ".join(part for part in (letter.step, beside) if part)
    owner = declared.owner
    return _box(DARK[owner], PALE[owner], declared.cue, f"{owner}: {about}", _body(record), record)


def _box(dark: str, pale: str, cue: str, about: str, body: str, record: StepRecord) -> str:
    style = (
        f"border-left:4px solid {dark};background:{pale};color:{INK};padding:6px 10px;margin:0 0 8px;border-radius:4px"
    )
    head = (
        f'<span style="color:{dark};font-weight:bold;font-family:{MONOSPACE}">{_text(cue)}</span> '
        f'<span style="{SMALL}">{_text(about)}</span>'
    )
    return f'<div style="{style}"><div>{head}</div>{body}<div style="{SMALL}">{_small_print(record)}</div></div>'


def _body(record: StepRecord) -> str:
    """What the model read; where that is not all there was, the whole of it beneath."""
    parts = [f'<div style="{WRITTEN}">{_text(record.shown)}</div>']
    if record.shown != record.content:
        parts.append(_folded(f"the whole text ({_count(len(record.content), 'character')})", record.content))
    if record.detail:
        parts.append(_folded("details", record.detail))
    return "".join(parts)


def _folded(title: str, text: str) -> str:
    summary = f'<summary style="{SMALL};cursor:pointer">{_text(title)}</summary>'
    return f'<details>{summary}<div style="{WRITTEN}">{_text(text)}</div></details>'


def _small_print(record: StepRecord) -> str:
    said = [f"step {record.index}"]
    if record.tokens:
        said.append(_count(record.tokens, "token") + (f", {record.forced} forced" if record.forced else ""))
    if record.seconds:
        said.append(_seconds(record.seconds))
    if record.guard_state is not None:
        said.append(f"guard state {record.guard_state}")
    return " · ".join(said)


# The end --------------------------------------------------------------------------------------------------------------


def _ending(result: Result, compiled: Compiled) -> str:
    colour = DARK[Owner.USER] if result.status == "accepted" else RED
    reason = f": {_text(result.reason)}" if result.reason else ""
    lines = [
        f'<div style="margin:12px 0 4px"><b style="color:{colour}">{escape(result.status)}</b>{reason} '
        f'<span style="{SMALL}">guarantee: {escape(result.guarantee)}{_text(_unguaranteed(result))}</span></div>',
        _verdicts(result.verdicts, compiled),
        f'<div style="{SMALL};margin-top:6px">{_usage(result.usage)}</div>',
    ]
    if result.trace_path:
        lines.append(f'<div style="{SMALL}">trace: {_text(result.trace_path)}</div>')
    return "".join(lines)


def _unguaranteed(result: Result) -> str:
    return f", not for {', '.join(result.unguaranteed)}" if result.unguaranteed else ""


def _verdicts(verdicts: Sequence[Verdict], compiled: Compiled) -> str:
    if not verdicts:
        return ""
    rules = {rule.id: rule for rule in compiled.agent.spec.rules}
    head = "".join(
        f'<th style="{CELL};border-top:0;{SMALL}">{name}</th>' for name in ("rule", "verdict", "decided", "")
    )
    rows = []
    for verdict in verdicts:
        sign, colour = FINE[verdict.verdict]
        rule = rules.get(verdict.rule)
        decided = "" if verdict.position is None else f"at step {verdict.position}"
        told = f"{rule.text} — {rule.description}" if rule and rule.description else rule.text if rule else ""
        name = verdict.rule if verdict.enforce == "block" else f"{verdict.rule} ({verdict.enforce})"
        cells = [
            f'<td style="{CELL}">{_text(name)}</td>',
            f'<td style="{CELL};color:{colour};white-space:nowrap">{sign} {escape(verdict.verdict)}</td>',
            f'<td style="{CELL};white-space:nowrap">{decided}</td>',
            f'<td style="{CELL};{SMALL}">{_text(told)}</td>',
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    style = f"border-collapse:collapse;font-size:13px;color:{INK};background:none"
    return f'<table style="{style}"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _usage(usage: Usage) -> str:
    forced = f", {usage.forced_tokens} of them forced" if usage.forced_tokens else ""
    said = [
        _count(usage.steps, "step"),
        _count(usage.tool_calls, "tool call"),
        f"{_count(usage.tokens, 'token')}{forced}",
        _count(usage.model_calls, "model call"),
        _count(usage.prompt_tokens, "prompt token"),
        _seconds(usage.seconds),
    ]
    return " · ".join(said)


# The picture on the page ----------------------------------------------------------------------------------------------


def _drawn(records: Sequence[StepRecord], compiled: Compiled) -> str:
    """The automaton with the last state marked, and the way through it; folded, since it may be large."""
    _, image = compiled.arena.language()
    passed = [record.guard_state for record in records if record.guard_state is not None]
    way = [image[state] for state in passed]
    try:
        picture = _automaton(compiled, way[-1] if way else None)
    except TooLarge as problem:
        return f'<p style="{SMALL};margin:12px">{_text(problem.message)}</p>\n'
    initial = image[compiled.arena.initial]
    told = " → ".join("lost" if state is None else str(state) for state in (initial, *way))
    said = f'<p style="{SMALL}">states passed: {told}</p>' if way else ""
    return (
        f'<details style="margin:12px"><summary style="{SMALL};cursor:pointer">the automaton</summary>{said}'
        f'<div style="overflow-x:auto">{picture}</div></details>\n'
    )


# Words ----------------------------------------------------------------------------------------------------------------


def _text(text: str) -> str:
    """Hostile text as HTML: cut where very long, control characters visible, escaped, lines kept."""
    cut = "" if len(text) <= LONGEST else f" …[{_count(len(text) - LONGEST, 'more character')}]"
    lines = [escape(visible(line)) for line in text[:LONGEST].split("\n")]
    return "\n".join(lines) + cut


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
