"""Automata as SVG: a picture that stands alone, on its own white ground, without scripts or anything to fetch."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from math import hypot, sqrt

from agentspec import limits
from agentspec.automata.label import visible
from agentspec.automata.layout import Extent, Layout, Point, arranged
from agentspec.automata.letter import Owner
from agentspec.automata.lettering import DARK, FONT, INK, LINE, Block, measured, shortened
from agentspec.automata.view import Automaton, View, view
from agentspec.errors import TooLarge

SUMMARY_FROM = 30
"""Pictures of more states are summaries unless asked otherwise."""

RADIUS = 17.0
RING = 6.0
WIDEST = 1000.0
MARGIN = 20.0
ENTRY = 30.0
LOOP = 24.0
SOFT, HERE = "#57606a", "#c2255c"
PALE = {Owner.MODEL: "#e7f0fd", Owner.TOOL: "#fdeedd", Owner.USER: "#e3f5e8"}
MONOSPACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def to_svg(
    automaton: Automaton,
    winning: frozenset[int] | None = None,
    *,
    position: int | None = None,
    title: str = "",
    summary: bool | None = None,
) -> str:
    """A picture of the automaton: left to right, or from the top down where that would be too wide for a screen.

    Accepting states have two rings, lost ones are dashed, and the state at ``position`` has a thick outer ring. With
    ``summary``, by default past ``SUMMARY_FROM`` states, it shows no more states than needed to see where there is
    something to choose. Raises TooLarge past ``limits.PICTURE_STATES`` or ``PICTURE_ARROWS`` and ValueError where
    ``position`` is no state.
    """
    advice = "use text, json, hoa or dot, or draw the rules one by one"
    count = len(automaton.edges)
    if count > (most := limits.PICTURE_SUMMARIZED):
        raise TooLarge(f"{count} states are too many even for the summary of a picture (limit {most}); {advice}")
    seen = view(automaton, winning, position, summary=bool(summary))
    if summary is None and len(seen.states) > SUMMARY_FROM:
        seen = view(automaton, winning, position, summary=True)
    states = len(seen.states)
    if states > (most := limits.PICTURE_STATES):
        what, other = ("a picture", " or a summary") if seen.summary is None else ("even the summary of a picture", "")
        raise TooLarge(f"{what} of {states} states cannot be read (limit {most}); {advice}{other}")
    if len(seen.arrows) > (most := limits.PICTURE_ARROWS):
        raise TooLarge(f"a picture of {len(seen.arrows)} arrows cannot be read (limit {most}); {advice}")
    picture = _drawn(seen, title, down=False)
    if picture.width > WIDEST:
        picture = min(picture, _drawn(seen, title, down=True), key=lambda one: one.width)
    return picture.text()


def _drawn(seen: View, title: str, *, down: bool) -> _Picture:
    blocks = {edge: Block.of(leading) for edge, leading in seen.arrows.items()}
    return _Picture(seen, title, blocks, _layout(seen, blocks, down=down), down=down)


def _layout(seen: View, found: dict[tuple[int, int], Block], *, down: bool) -> Layout:
    room = []
    for state in range(len(seen.states)):
        length, lead, trail = 2 * RADIUS + 14, RADIUS + RING, RADIUS + RING
        if (state, state) in found:
            loop = found[state, state]
            if down:
                length, trail = max(length, loop.height), RADIUS + LOOP + loop.width
            else:
                length, lead = max(length, loop.width), RADIUS + LOOP + loop.height
        room.append(Extent(length, lead, trail))
    between = {
        edge: Extent(block.height, block.width / 2, block.width / 2)
        if down
        else Extent(block.width, block.height / 2, block.height / 2)
        for edge, block in found.items()
        if edge[0] != edge[1]
    }
    return arranged(RADIUS, room, between, seen.initial)


class _Picture:
    """One layout written out."""

    def __init__(
        self, seen: View, title: str, found: dict[tuple[int, int], Block], layout: Layout, *, down: bool
    ) -> None:
        self.seen, self.found, self.layout, self.down = seen, found, layout, down
        self.title = title
        drawn = (layout.breadth, layout.length + ENTRY) if down else (layout.length + ENTRY, layout.breadth)
        self.legend, legend_width, legend_height = self._legend(max(drawn[0], 260.0))
        self.width = max(drawn[0], legend_width, min(measured(visible(title), 14), 420.0)) + 2 * MARGIN
        self.heading = next(
            short
            for most in range(max(1, len(visible(title))), 0, -1)
            if measured(short := shortened(title, most), 14) <= self.width - 2 * MARGIN
        )
        self.top = MARGIN + (26 if title else 0)
        self.bottom = self.top + drawn[1]
        self.height = self.bottom + legend_height + MARGIN

    def text(self) -> str:
        """The whole SVG."""
        width, height = _n(self.width), _n(self.height)
        states = len(self.seen.states)
        name = visible(self.title) or f"an automaton of {self.seen.summary or states} states"
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" font-family="{MONOSPACE}" font-size="{_n(FONT)}">',
            f"<title>{escape(name)}</title>",
            f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
        ]
        if self.heading:
            lines.append(
                f'<text x="{_n(MARGIN)}" y="{_n(MARGIN + 8)}" font-size="14" font-weight="bold" fill="{INK}">'
                f"{escape(self.heading)}</text>"
            )
        lines += [self._entry(), *(self._arrow(edge) for edge in sorted(self.found))]
        lines += [self._state(state) for state in range(states)]
        lines += [f'<g font-size="11" fill="{SOFT}">', *self.legend_at(self.bottom), "</g>"] if self.legend else []
        return "\n".join([*lines, "</svg>", ""])

    # Geometry -----------------------------------------------------------------------------------------------------

    def _at(self, point: Point) -> Point:
        along, across = point[0] + ENTRY, point[1]
        return (MARGIN + across, self.top + along) if self.down else (MARGIN + along, self.top + across)

    def _path(self, points: tuple[Point, ...]) -> str:
        """Straight where neighbours are level, else a bend that leaves and arrives level."""
        parts = ["M" + _p(self._at(points[0]))]
        for one, other in pairwise(points):
            if one == other:
                continue
            if abs(one[1] - other[1]) < 0.05:
                parts.append("L" + _p(self._at(other)))
            else:
                middle = (one[0] + other[0]) / 2
                bend = ((middle, one[1]), (middle, other[1]), other)
                parts.append("C" + " ".join(_p(self._at(point)) for point in bend))
        return " ".join(parts)

    # Parts --------------------------------------------------------------------------------------------------------

    def _entry(self) -> str:
        along, across = self.layout.states[self.seen.initial]
        tip = (along - RADIUS - 1, across)
        line = self._path(((along - RADIUS - ENTRY, across), (tip[0] - 6, across)))
        return f"<g><title>the start</title>{_line(line)}{_head(self._at(tip), self._way(1))}</g>"

    def _way(self, sign: int) -> Point:
        return (0.0, float(sign)) if self.down else (float(sign), 0.0)

    def _arrow(self, edge: tuple[int, int]) -> str:
        source, target = edge
        block = self.found[edge]
        ends = f"{self.seen.states[source].name} → {self.seen.states[target].name}"
        about = f"<title>{ends}: {escape(visible(block.full))}</title>"
        if source == target:
            return f"<g>{about}{self._loop(source, block)}</g>"
        first, second = self.layout.arrows[edge]
        sign = 1 if second[-1][0] > second[0][0] else -1
        tip = (second[-1][0] - sign, second[-1][1])
        second = (*second[:-1], (tip[0] - 6 * sign, tip[1]))
        lines = _line(self._path(first)) + _line(self._path(second))
        head = _head(self._at(tip), self._way(sign))
        return f"<g>{about}{lines}{head}{_set(block, self._at(self.layout.labels[edge]))}</g>"

    def _loop(self, state: int, block: Block) -> str:
        x, y = self._at(self.layout.states[state])
        side, out = 8.0, RADIUS + 24

        def turned(aside: float, away: float) -> Point:
            return (x + away, y + aside) if self.down else (x + aside, y - away)

        rim = sqrt(RADIUS**2 - side**2)
        points = [turned(-side, rim), turned(-17, out), turned(17, out), turned(side + 3, rim + 6)]
        line = f"M{_p(points[0])} C{' '.join(map(_p, points[1:]))}"
        tip, back = turned(side, rim + 1), turned(side + 3, rim + 7)
        head = _head(tip, (tip[0] - back[0], tip[1] - back[1]))
        reach = RADIUS + LOOP
        centre = (x + reach + block.width / 2, y) if self.down else (x, y - reach - block.height / 2)
        return _line(line) + head + _set(block, centre)

    def _state(self, index: int) -> str:
        state = self.seen.states[index]
        at = self._at(self.layout.states[index])
        x, y = map(_n, at)
        fill = PALE[state.owner] if state.owner else "#ffffff"
        like = f" (and {', '.join(map(str, state.of[1:]))})" if len(state.of) > 1 else ""
        said = {"initial": "the start", "position": "the position"}
        about = "".join(f", {said.get(word, word)}" for word in state.words)
        dashes = ' stroke-dasharray="4 3"' if state.lost else ""
        circle = f'<circle cx="{x}" cy="{y}"'
        parts = [f"<g><title>state {state.name}{like}{about}</title>"]
        if state.here:
            parts.append(f'{circle} r="{_n(RADIUS + 4)}" fill="none" stroke="{HERE}" stroke-width="3"/>')
        parts.append(f'{circle} r="{_n(RADIUS)}" fill="{fill}" stroke="{INK}" stroke-width="1.4"{dashes}/>')
        if state.accepting:
            parts.append(f'{circle} r="{_n(RADIUS - 3.5)}" fill="none" stroke="{INK}" stroke-width="1.2"{dashes}/>')
        weight = ' font-weight="bold"' if state.here else ""
        y_text = _n(at[1] + 4)
        parts.append(f'<text x="{x}" y="{y_text}" text-anchor="middle" fill="{INK}"{weight}>{state.name}</text></g>')
        return "".join(parts)

    def _legend(self, room: float) -> tuple[list[tuple[str, str, float, float]], float, float]:
        """What the signs mean, of those in the picture: (kind, words, along, down), and the width and height taken."""
        states = self.seen.states
        owners = {label.owner for leading in self.seen.arrows.values() for label in leading}
        kinds = [(str(owner), f"{owner} writes") for owner in Owner if owner in owners]
        kinds += [("accepting", "accepting")] if any(state.accepting for state in states) else []
        kinds += [("lost", "lost: tools or users can force a bad end")] if any(state.lost for state in states) else []
        kinds += [("here", "the position")] if any(state.here for state in states) else []
        if {kind for kind, _ in kinds} <= {"accepting"}:
            kinds = []
        kinds += [("said", f"accepted: {self.seen.acceptance}")] if self.seen.acceptance else []
        if self.seen.summary is not None:
            kinds.append(("said", f"a summary: {len(states)} of {self.seen.summary} states"))
        elif self.seen.hidden:
            kinds.append(("said", f"left out, on no way to acceptance: {self.seen.hidden}"))
        if not kinds:
            return [], 0.0, 0.0
        placed = []
        x, y, widest = 0.0, 0.0, 0.0
        for kind, words in kinds:
            words = shortened(words, int(max(room, 260.0) // (11 * 0.61)) - 4)
            width = 18 + measured(words, 11)
            if x and x + width > room:
                x, y = 0.0, y + 18
            placed.append((kind, words, x, y))
            x += width + 16
            widest = max(widest, x - 16)
        return placed, widest, y + 18 + 16

    def legend_at(self, top: float) -> list[str]:
        """The legend's lines, under the picture."""
        lines = []
        for kind, words, along, down in self.legend:
            x, y = MARGIN + along + 6, top + 16 + down + 9
            fill = next((PALE[owner] for owner in Owner if owner == kind), "#ffffff")
            ink = next((DARK[owner] for owner in Owner if owner == kind), INK)
            stroke = f'stroke="{HERE}" stroke-width="2.5"' if kind == "here" else f'stroke="{ink}"'
            dashes = ' stroke-dasharray="3 2"' if kind == "lost" else ""
            if kind == "said":
                lines.append(f'<text x="{_n(x - 6)}" y="{_n(y + 4)}">{escape(words)}</text>')
                continue
            sign = f'<ellipse cx="{_n(x)}" cy="{_n(y)}" rx="6" ry="6" fill="{fill}" {stroke}{dashes}/>'
            if kind == "accepting":
                sign += f'<ellipse cx="{_n(x)}" cy="{_n(y)}" rx="3.5" ry="3.5" fill="none" {stroke}/>'
            lines.append(f'{sign}<text x="{_n(x + 12)}" y="{_n(y + 4)}">{escape(words)}</text>')
        return lines


def _set(block: Block, centre: Point) -> str:
    """A label's lines, centred."""
    x, top = centre[0], centre[1] - len(block.lines) * LINE / 2
    parts = []
    for i, (line, bold, colour) in enumerate(block.lines):
        weight = ' font-weight="bold"' if bold else ""
        y = _n(top + i * LINE + 11)
        parts.append(f'<text x="{_n(x)}" y="{y}" text-anchor="middle" fill="{colour}"{weight}>{escape(line)}</text>')
    return "".join(parts)


def _line(path: str) -> str:
    return f'<path d="{path}" fill="none" stroke="{SOFT}" stroke-width="1.3"/>'


def _head(tip: Point, way: Point) -> str:
    """An arrow's head with its tip at ``tip``, pointing ``way``."""
    size = hypot(*way)
    dx, dy = way[0] / size, way[1] / size
    back = (tip[0] - 8 * dx, tip[1] - 8 * dy)
    corners = [tip, (back[0] - 3.6 * dy, back[1] + 3.6 * dx), (back[0] + 3.6 * dy, back[1] - 3.6 * dx)]
    return f'<polygon points="{" ".join(map(_p, corners))}" fill="{SOFT}"/>'


def _n(value: float) -> str:
    return f"{round(value, 1) + 0.0:g}" if abs(value) < 1e5 else f"{value:.0f}"


def _p(point: Point) -> str:
    return f"{_n(point[0])},{_n(point[1])}"
