"""Labels set in lines: how wide, how high, what is shortened. Sizes are in pixels."""

from __future__ import annotations

from dataclasses import dataclass
from unicodedata import east_asian_width

from agentspec.automata.label import Label, visible
from agentspec.automata.letter import Owner

FONT = 12.0
ADVANCE = 0.61  # of the font size: the widest common monospace font
LINE = 15.0
LONGEST, MOST = 26, 8  # characters a line of a label, lines a label
INK = "#24292f"
DARK = {Owner.MODEL: "#0b57b0", Owner.TOOL: "#8f4400", Owner.USER: "#146c2e"}


@dataclass(frozen=True)
class Block:
    """A label set in lines: text, whether bold, colour. ``full`` is all of it in one line."""

    lines: tuple[tuple[str, bool, str], ...]
    full: str

    @classmethod
    def of(cls, leading: tuple[Label, ...]) -> Block:
        lines: list[tuple[str, bool, str]] = []
        chained = any(label.then for label in leading)
        for i, label in enumerate(leading):
            lines += _set(label, "or " if i and chained else "", other=i > 0)
            lines += [line for after in label.then for line in _set(after, "→ ", other=False)]
        if len(lines) > MOST:
            lines = [*lines[: MOST - 1], ("…", False, INK)]
        return cls(tuple(lines), " or ".join(map(str, leading)))

    @property
    def width(self) -> float:
        return max(measured(line, FONT) for line, _, _ in self.lines) + 8

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + 2


def _set(label: Label, lead: str, *, other: bool) -> list[tuple[str, bool, str]]:
    """One label in lines; ``other`` is one that stands below another."""
    colour = DARK[label.owner] if label.owner else INK
    lines: list[tuple[str, bool, str]] = []
    if label.step is not None:
        lines.append((lead + shortened(label.step, LONGEST - len(lead)), True, colour))
    for i, way in enumerate(label.ways):
        below = i > 0 or (label.step is None and other)
        lines += [(line, False, colour) for line in _wrapped(f"or {way}" if below else way)]
    if label.marks:
        lines.append((f"{{{' '.join(map(str, label.marks))}}}", True, INK))
    return lines


def _wrapped(text: str) -> list[str]:
    """A conjunction in lines of at most ``LONGEST`` characters, broken before an ``&``, its names shortened."""
    lines: list[str] = []
    for part in visible(text).split(" & "):
        name = shortened(part, LONGEST - 2)
        if lines and len(lines[-1]) + 3 + len(name) <= LONGEST:
            lines[-1] += f" & {name}"
        else:
            lines.append(f"& {name}" if lines else name)
    return lines


def shortened(text: str, most: int) -> str:
    """The text, its middle left out where it has more than ``most`` characters."""
    text = visible(text)
    return text if len(text) <= most else f"{text[: most - most // 3 - 1]}…{text[len(text) - most // 3 :]}"


def measured(text: str, size: float) -> float:
    """The width of a text in a monospace font, at most."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text) * size * ADVANCE
