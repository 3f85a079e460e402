"""Behaviors: regular expressions over the names of steps with interleaving, and their derivatives.

The derivative of a language by a step is what may follow that step. Brzozowski, "Derivatives of Regular Expressions"
(JACM 1964), theorem 5.2: an expression has finitely many derivatives once choices are associative, commutative and
idempotent, which ``choice`` sees to. A bounded repeat counts down and is never unrolled. A step of an interleaving
(shuffle) is a step of one of its parts: ∂(r || s) = ∂r || s | r || ∂s (Sulzmann & Thiemann, "Derivatives and Partial
Derivatives for Regular Shuffle Expressions", 2015).

Build values with ``concat``, ``choice``, ``interleave`` and ``repeat`` (or ``parse_behavior``), which normalise,
rather than with the classes: what is promised below about derivatives and first steps holds for normalised values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agentspec.logic.tree import Tree, children_first


class Behavior(Tree):
    """Any behavior: immutable, compared by structure; hash, nullability and, once asked for, text are stored."""

    __slots__ = ("_nullable", "_shown")
    _nullable: bool
    _shown: str

    def __post_init__(self) -> None:
        Tree.__post_init__(self)
        object.__setattr__(self, "_nullable", self._accepts_empty())

    def children(self) -> tuple[Behavior, ...]:
        """The parts, from left to right."""
        return ()

    def _accepts_empty(self) -> bool:
        return False


@dataclass(frozen=True, eq=False, repr=False)
class Nothing(Behavior):
    """No word at all."""

    __slots__ = ()


@dataclass(frozen=True, eq=False, repr=False)
class Empty(Behavior):
    """The empty word only."""

    __slots__ = ()

    def _accepts_empty(self) -> bool:
        return True


@dataclass(frozen=True, eq=False, repr=False)
class Step(Behavior):
    """One step of this name."""

    __slots__ = ("name",)
    name: str


@dataclass(frozen=True, eq=False, repr=False)
class Concat(Behavior):
    """The parts one after another; the empty word without parts."""

    __slots__ = ("parts",)
    parts: tuple[Behavior, ...]

    def children(self) -> tuple[Behavior, ...]:
        """The parts in order."""
        return self.parts

    def _accepts_empty(self) -> bool:
        return all(part._nullable for part in self.parts)


@dataclass(frozen=True, eq=False, repr=False)
class Choice(Behavior):
    """One of the options; no word without options."""

    __slots__ = ("options",)
    options: tuple[Behavior, ...]

    def children(self) -> tuple[Behavior, ...]:
        """The options."""
        return self.options

    def _accepts_empty(self) -> bool:
        return any(option._nullable for option in self.options)


@dataclass(frozen=True, eq=False, repr=False)
class Interleave(Behavior):
    """A word of every part, their steps mixed in any way that keeps the order within each part."""

    __slots__ = ("parts",)
    parts: tuple[Behavior, ...]

    def children(self) -> tuple[Behavior, ...]:
        """The parts."""
        return self.parts

    def _accepts_empty(self) -> bool:
        return all(part._nullable for part in self.parts)


@dataclass(frozen=True, eq=False, repr=False)
class Repeat(Behavior):
    """The body at least ``minimum`` and at most ``maximum`` times in a row; None is without limit."""

    __slots__ = ("body", "maximum", "minimum")
    body: Behavior
    minimum: int
    maximum: int | None

    def children(self) -> tuple[Behavior, ...]:
        """The body."""
        return (self.body,)

    def _accepts_empty(self) -> bool:
        return self.minimum == 0 or self.body._nullable


NOTHING = Nothing()
EMPTY = Empty()


def concat(parts: Iterable[Behavior]) -> Behavior:
    """The parts one after another: flat, without empty parts, nothing if one part is nothing."""
    flat: list[Behavior] = []
    for part in parts:
        if isinstance(part, Nothing):
            return NOTHING
        if isinstance(part, Concat):
            flat.extend(part.parts)
        elif not isinstance(part, Empty):
            flat.append(part)
    if len(flat) > 1:
        return Concat(tuple(flat))
    return flat[0] if flat else EMPTY


def choice(options: Iterable[Behavior]) -> Behavior:
    """One of the options: flat, each once, sorted by their text.

    The empty word is no option of its own: it is written ``(...)?`` around the others, and left out if one of them is
    nullable. ``a?`` counts as two options, so the grouping of choices makes no difference.
    """
    flat: set[Behavior] = set()
    todo = list(options)
    optional = False
    while todo:
        option = todo.pop()
        if isinstance(option, Choice):
            todo.extend(option.options)
        elif isinstance(option, Empty):
            optional = True
        elif isinstance(option, Repeat) and (option.minimum, option.maximum) == (0, 1):
            optional = True
            todo.append(option.body)
        elif not isinstance(option, Nothing):
            flat.add(option)
    if not flat:
        return EMPTY if optional else NOTHING
    chosen = flat.pop() if len(flat) == 1 else Choice(tuple(sorted(flat, key=show_behavior)))
    return Repeat(chosen, 0, 1) if optional and not chosen._nullable else chosen


def interleave(parts: Iterable[Behavior]) -> Behavior:
    """The parts side by side: flat, without empty parts, sorted by their text, nothing if one part is nothing."""
    flat: list[Behavior] = []
    for part in parts:
        if isinstance(part, Nothing):
            return NOTHING
        if isinstance(part, Interleave):
            flat.extend(part.parts)
        elif not isinstance(part, Empty):
            flat.append(part)
    if len(flat) > 1:
        return Interleave(tuple(sorted(flat, key=show_behavior)))
    return flat[0] if flat else EMPTY


def repeat(body: Behavior, minimum: int, maximum: int | None) -> Behavior:
    """The body ``minimum`` to ``maximum`` times, in its simplest form.

    A nullable body has minimum 0, since an empty turn may stand for each one required. Raises ValueError if the
    bounds are negative or in the wrong order.
    """
    if minimum < 0 or (maximum is not None and maximum < minimum):
        raise ValueError(f"no repeat has the bounds {minimum} and {maximum}")
    if maximum == 0 or isinstance(body, Empty):
        return EMPTY
    if isinstance(body, Nothing):
        return EMPTY if minimum == 0 else NOTHING
    if body._nullable:
        minimum = 0
    if maximum == 1:
        return body if minimum == 1 else choice((EMPTY, body))
    if isinstance(body, Repeat) and body.minimum <= 1:
        if (body.minimum, body.maximum) == (0, None):
            return body
        if maximum is None and minimum <= 1:
            return repeat(body.body, minimum, None)
    return Repeat(body, minimum, maximum)


def nullable(behavior: Behavior) -> bool:
    """Whether the empty word is accepted."""
    return behavior._nullable


def derivative(behavior: Behavior, step: str) -> Behavior:
    """The normalised behavior of what may follow ``step``; ``NOTHING`` if the step may not come first."""
    after: dict[Behavior, Behavior] = {}
    for node in children_first(behavior, _may_start):
        match node:
            case Step(name):
                after[node] = EMPTY if name == step else NOTHING
            case Choice(options):
                after[node] = choice([after[option] for option in options])
            case Concat(parts):
                heads = range(len(_may_start(node)))
                after[node] = choice([concat((after[parts[i]], *parts[i + 1 :])) for i in heads])
            case Interleave(parts):
                ways = [(*parts[:i], after[part], *parts[i + 1 :]) for i, part in enumerate(parts)]
                after[node] = choice(map(interleave, dict.fromkeys(ways)))
            case Repeat(body, minimum, maximum):
                # Exact for a nullable body too: its empty turns can be moved behind the one that starts with the step.
                rest = repeat(body, max(minimum - 1, 0), None if maximum is None else max(maximum - 1, 0))
                after[node] = concat((after[body], rest)) if maximum != 0 else NOTHING
            case _:
                after[node] = NOTHING
    return after[behavior]


Partials = dict[Behavior, frozenset[Behavior]]


def partial_derivatives(behavior: Behavior, step: str, known: Partials) -> frozenset[Behavior]:
    """Behaviors none of which is a choice and whose choice is the derivative: empty if the step may not come first.

    Antimirov, "Partial derivatives of regular expressions and finite automaton constructions" (TCS 1996). ``known``
    is filled with those of parts by this step and is to be given again with it.
    """
    if behavior in known:
        return known[behavior]
    for node in children_first(behavior, lambda node: () if node in known else _may_start(node)):
        if node in known:
            continue
        found: list[Behavior] = []
        match node:
            case Step(name) if name == step:
                found = [EMPTY]
            case Choice(options):
                found = [way for option in options for way in known[option]]
            case Concat(parts):
                heads = range(len(_may_start(node)))
                found = [concat((way, *parts[i + 1 :])) for i in heads for way in known[parts[i]]]
            case Interleave(parts):
                places = range(len(parts))
                found = [interleave((*parts[:i], way, *parts[i + 1 :])) for i in places for way in known[parts[i]]]
            case Repeat(body, minimum, maximum) if maximum != 0:
                rest = repeat(body, max(minimum - 1, 0), None if maximum is None else maximum - 1)
                found = [concat((way, rest)) for way in known[body]]
        known[node] = frozenset({option for way in found for option in alternatives(way)})
    return known[behavior]


def alternatives(behavior: Behavior) -> tuple[Behavior, ...]:
    """The options of a normalised choice, ``a?`` being two, anything else alone; ``NOTHING`` has none."""
    match behavior:
        case Choice(options):
            return options
        case Repeat(body, 0, 1):
            return (EMPTY, *alternatives(body))
        case Nothing():
            return ()
    return (behavior,)


def first_steps(behavior: Behavior) -> frozenset[str]:
    """The steps some accepted word begins with: those by which the derivative is not ``NOTHING``."""
    return frozenset({node.name for node in children_first(behavior, _may_start) if isinstance(node, Step)})


def steps_of(behavior: Behavior) -> frozenset[str]:
    """The names of the steps that occur."""
    nodes = children_first(behavior, lambda node: node.children())
    return frozenset({node.name for node in nodes if isinstance(node, Step)})


def _may_start(node: Behavior) -> tuple[Behavior, ...]:
    """The parts in which a word of ``node`` may begin: of a sequence, those with only nullable parts before them."""
    if isinstance(node, Concat):
        for index, part in enumerate(node.parts):
            if not part._nullable:
                return node.parts[: index + 1]
    return node.children()


def show_behavior(behavior: Behavior) -> str:
    """The behavior as text; that of a normalised one parses back to it. ``()`` is Empty and ``∅`` is Nothing."""
    known: str | None = getattr(behavior, "_shown", None)
    if known is not None:
        return known
    pieces: list[str] = []
    todo: list[Behavior | str] = [behavior]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            pieces.append(item)
        else:
            todo.extend(reversed(_layout(item)))
    text = "".join(pieces)
    object.__setattr__(behavior, "_shown", text)
    return text


def _layout(node: Behavior) -> list[Behavior | str]:
    """One node as text and parts still to be shown."""
    match node:
        case Step(name):
            return [name]
        case Choice(options) if options:
            return _joined(options, " | ", (Choice, Interleave))
        case Interleave(parts) if parts:
            return _joined(parts, " || ", (Choice, Interleave))
        case Concat(parts) if parts:
            return _joined(parts, " ", (Choice, Interleave, Concat))
        case Repeat(body, minimum, maximum):
            return [*_within(body, (Choice, Interleave, Concat, Repeat)), _postfix(minimum, maximum)]
    return ["()"] if node._nullable else ["∅"]


def _joined(nodes: tuple[Behavior, ...], separator: str, looser: tuple[type[Behavior], ...]) -> list[Behavior | str]:
    layout: list[Behavior | str] = []
    for node in nodes:
        layout += [separator, *_within(node, looser)]
    return layout[1:]


def _within(node: Behavior, looser: tuple[type[Behavior], ...]) -> list[Behavior | str]:
    """The node, in parentheses if it binds no more tightly than what it stands in."""
    return ["(", node, ")"] if isinstance(node, looser) and node.children() else [node]


def _postfix(minimum: int, maximum: int | None) -> str:
    short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((minimum, maximum))
    if short or minimum == maximum:
        return short or f"{{{minimum}}}"
    return f"{{{minimum},{'' if maximum is None else maximum}}}"
