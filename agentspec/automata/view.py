"""What a picture of an automaton shows: states in words, and labels at the arrows between them.

One view serves every format. States on no way from the start to acceptance are left out. A *summary* shows fewer
states: those that differ only in which tool is at work are one (those that differ in which may be chosen are not), and
a state at which there is nothing to choose is written into the arrows that lead through it.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from agentspec import limits
from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf, generalized_buchi, joined
from agentspec.automata.buchi import Buchi
from agentspec.automata.dfa import Dfa
from agentspec.automata.diagram import Decisions
from agentspec.automata.label import Label, Labelling, joined_by_tool
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.liveness import live_states
from agentspec.automata.omega import Omega
from agentspec.automata.partition import coarsest_bisimulation
from agentspec.errors import TooLarge

Automaton = Dfa | Buchi | Omega
Move = tuple[Letter, int, tuple[int, ...]]
Edge = tuple[int, int]


@dataclass(frozen=True)
class State:
    """One circle: the states of the automaton that it stands for, the least one first, and what is said of them."""

    of: tuple[int, ...]
    initial: bool = False
    accepting: bool = False
    lost: bool = False
    here: bool = False
    owner: Owner | None = None

    @property
    def name(self) -> str:
        """What stands in the circle."""
        return str(self.of[0])

    @property
    def words(self) -> tuple[str, ...]:
        """What holds of the state."""
        said = {"initial": self.initial, "accepting": self.accepting, "lost": self.lost, "position": self.here}
        return tuple(word for word, holds in said.items() if holds)


@dataclass(frozen=True)
class View:
    """``states`` in the order of their names; ``arrows`` between indices of them, in order.

    ``acceptance`` is the condition of an automaton of infinite words, in words, and empty for one of finite words.
    ``hidden`` is the number of states left out, ``summary`` that of all states where it is a summary.
    """

    states: tuple[State, ...]
    arrows: dict[Edge, tuple[Label, ...]]
    acceptance: str = ""
    hidden: int = 0
    summary: int | None = None

    @property
    def initial(self) -> int:
        """The index of the first state."""
        return next(i for i, state in enumerate(self.states) if state.initial)


def view(
    automaton: Automaton,
    winning: frozenset[int] | None = None,
    position: int | None = None,
    *,
    summary: bool = False,
) -> View:
    """What is to be seen of an automaton; states outside ``winning`` are lost.

    Raises ValueError where ``position`` is no state, TooLarge where there are too many letters to group.
    """
    afford(automaton)
    count = len(automaton.edges)
    if position is not None and not 0 <= position < count:
        raise ValueError(f"there is no state {position}: states are 0 to {count - 1}")
    moves = moves_of(automaton)
    labelling = Labelling(letter for out in moves for letter, _, _ in out)
    shown = _shown(automaton, moves, position)
    moves = [[move for move in out if move[1] in shown] if q in shown else [] for q, out in enumerate(moves)]
    accepting = automaton.accepting if isinstance(automaton, Dfa) else frozenset()
    owner = [next((letter.owner for letter, _, _ in out), None) for out in moves]
    lost = frozenset[int]() if winning is None else frozenset(range(count)) - winning
    group = list(range(count))
    if summary:
        signs: list[Hashable] = [(q == automaton.initial, q in accepting, q in lost, owner[q]) for q in range(count)]
        group = coarsest_bisimulation(signs, [[((_erased(a), marks), t) for a, t, marks in out] for out in moves])
    members: dict[int, list[int]] = {}
    for state in sorted(shown):
        members.setdefault(group[state], []).append(state)
    index = {one: i for i, one in enumerate(members)}
    states = tuple(
        State(
            tuple(own), own[0] == automaton.initial, own[0] in accepting, own[0] in lost, position in own, owner[own[0]]
        )
        for own in members.values()
    )
    arrows: dict[Edge, tuple[Label, ...]] = {}
    for i, own in enumerate(members.values()):
        keyed = dict.fromkeys((a, (index[group[target]], marks)) for q in own for a, target, marks in moves[q])
        for (target, marks), leading in labelling.grouped(list(keyed)).items():
            arrows[i, target] = (*arrows.get((i, target), ()), *(replace(one, marks=marks) for one in leading))
    whole = View(states, arrows, _condition_of(automaton), count - len(shown), count if summary else None)
    return _without_chains(whole) if summary else whole


def afford(automaton: Automaton, *, grouped: bool = True) -> None:
    """Raises TooLarge where the letters of an automaton are too many to print, or to be ``grouped`` before that."""
    if not isinstance(automaton.edges, Decisions):
        return
    letters = automaton.edges.letters()
    if sum(letters) > limits.VIEW_LETTERS:
        found, advice = "", "print its parts one by one"
    elif grouped and sum(count * count for count in letters) > limits.VIEW_PAIRS:
        found, advice = " in this format", "use json, or print its parts one by one"
    else:
        return
    count = sum(letters)
    shown = str(count) if count < 10**9 else f"more than 10^{len(str(count)) - 1}"
    raise TooLarge(f"{len(letters)} states with {shown} letters are too many to print{found}; {advice}")


def moves_of(automaton: Automaton) -> list[list[Move]]:
    """For each state its transitions: letter, target and marks in order."""
    if isinstance(automaton, Dfa):
        return [[(letter, target, ()) for letter, target in edges] for edges in automaton.edges]
    return [[(edge.letter, edge.target, tuple(sorted(edge.marks))) for edge in edges] for edges in automaton.edges]


def _shown(automaton: Automaton, moves: list[list[Move]], position: int | None) -> frozenset[int]:
    """The states on a way from the start to acceptance; the start and the position in any case."""
    live = live_states(automaton)
    reached = {automaton.initial}
    stack = [automaton.initial]
    while stack:
        for _, target, _ in moves[stack.pop()]:
            if target in live and target not in reached:
                reached.add(target)
                stack.append(target)
    return frozenset(reached if position is None else {*reached, position})


def _erased(letter: Letter) -> Letter:
    """The letter with any tool in the place of the one at work; where a tool is chosen it matters which."""
    if letter.tool is None or f"chosen({letter.tool})" in letter.true:
        return letter
    own = {f"{kind}({letter.tool})": f"{kind}()" for kind in ("call", "ok", "failed")}
    return replace(letter, true=frozenset(own.get(name, name) for name in letter.true), false=frozenset(), tool="")


def _without_chains(whole: View) -> View:
    """Write states with one way on into the arrows that lead to them."""
    arrows = dict(whole.arrows)
    gone: set[int] = set()
    for i, state in enumerate(whole.states):
        out = [edge for edge in arrows if edge[0] == i]
        into = [edge for edge in arrows if edge[1] == i]
        if state.initial or state.accepting or state.here or len(out) != 1 or len(arrows[out[0]]) != 1:
            continue
        target = out[0][1]
        if target == i or whole.states[target].lost != state.lost:
            continue
        (way,) = arrows.pop(out[0])
        for source, _ in into:
            through = tuple(label.followed(way) for label in arrows.pop((source, i)))
            arrows[source, target] = (*arrows.get((source, target), ()), *through)
        gone.add(i)
    number = {old: new for new, old in enumerate(i for i in range(len(whole.states)) if i not in gone)}
    return replace(
        whole,
        states=tuple(whole.states[i] for i in number),
        arrows={(number[s], number[t]): joined_by_tool(leading) for (s, t), leading in sorted(arrows.items())},
    )


def _condition_of(automaton: Automaton) -> str:
    match automaton:
        case Dfa():
            return ""
        case Buchi(sets=sets):
            return condition_in_words(generalized_buchi(sets))
    return condition_in_words(automaton.acceptance)


def condition_in_words(condition: Acceptance) -> str:
    """An acceptance condition, a mark being written as at the arrows."""
    return _in_words(flattened(condition))


def flattened(condition: Acceptance) -> Acceptance:
    """The same condition without an ``All`` in an ``All``, an ``Any`` in an ``Any``, and parts that say nothing."""
    match condition:
        case All(parts):
            return joined(list(map(flattened, parts)), every=True)
        case Any(parts):
            return joined(list(map(flattened, parts)), every=False)
    return condition


def _in_words(condition: Acceptance) -> str:
    match condition:
        case Inf(mark):
            return f"infinitely often {{{mark}}}"
        case Fin(mark):
            return f"finitely often {{{mark}}}"
        case All(parts):
            return " and ".join(map(_within, parts)) or "any run"
        case Any(parts):
            return " or ".join(map(_within, parts)) or "no run"


def _within(part: Acceptance) -> str:
    return f"({_in_words(part)})" if isinstance(part, All | Any) else _in_words(part)
