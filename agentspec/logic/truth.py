"""The truth of every part of a formula at every position of a finite word, in time linear in both.

By the expansion laws of the operators, which the meaning in ``semantics`` satisfies.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from agentspec import limits
from agentspec.errors import TooLarge
from agentspec.logic.formula import (
    PAST,
    Always,
    And,
    Atom,
    Binary,
    Constant,
    Eventually,
    Formula,
    Historically,
    Iff,
    Implies,
    Last,
    Next,
    Not,
    Once,
    Or,
    Release,
    Since,
    StrongRelease,
    Unary,
    Until,
    WeakNext,
    WeakSince,
    WeakUntil,
    WeakYesterday,
    Xor,
    Yesterday,
    subformulas,
)

Truth = Mapping[Formula, Sequence[bool]]

WEAK = (Always, WeakNext, WeakUntil, Release, WeakYesterday, Historically, WeakSince)
"""True where the word goes no further."""

FIRST = (Eventually, Once, Until, WeakUntil, Since, WeakSince)
"""``b | a & there``, ``there`` being the same formula at the neighbouring position."""

EACH = (Always, Historically, Release, StrongRelease)
"""``b & (a | there)``."""


def truth(formula: Formula, word: Sequence[Collection[str]]) -> Truth:
    """The truth of every subformula at every position, each computed once from its neighbours'.

    Raises TooLarge past ``limits.EXPLAINED_LOOKS``.
    """
    nodes = subformulas(formula)
    if len(nodes) * len(word) > (most := limits.EXPLAINED_LOOKS):
        raise TooLarge(
            f"explaining a formula of {len(nodes)} parts on {len(word)} positions takes more than {most} looks: "
            "explain a shorter part of the trace, or a simpler rule"
        )
    table: dict[Formula, list[bool]] = {}
    for node in nodes:
        values = table[node] = [False] * len(word)
        for here in order(node, len(word)):
            values[here] = _value(node, here, word, table)
    return table


def order(node: Formula, length: int) -> Iterator[int]:
    """The positions in the order in which the truth of ``node`` can be told."""
    return iter(range(length) if isinstance(node, PAST) else reversed(range(length)))


def _value(node: Formula, here: int, word: Sequence[Collection[str]], table: Truth) -> bool:
    there = here + (-1 if isinstance(node, PAST) else 1)
    inside = 0 <= there < len(word)
    parts = [table[child][here] for child in node.children()]
    match node:
        case Constant(value):
            return value
        case Atom(name):
            return name in word[here]
        case Last():
            return here == len(word) - 1
        case Not():
            return not parts[0]
        case And():
            return all(parts)
        case Or():
            return any(parts)
        case Implies():
            return not parts[0] or parts[1]
        case Iff():
            return parts[0] == parts[1]
        case Xor():
            return parts[0] != parts[1]
    if isinstance(node, Next | WeakNext | Yesterday | WeakYesterday):
        return table[node.operand][there] if inside else isinstance(node, WEAK)
    beyond = table[node][there] if inside else isinstance(node, WEAK)
    a, b = operands(node)
    left, right = a is not None and table[a][here], table[b][here]
    if isinstance(node, FIRST):
        return right or ((a is None or left) and beyond)
    if isinstance(node, EACH):
        return right and (left or beyond)
    raise TypeError(f"not a formula: {node!r}")


def operands(node: Formula) -> tuple[Formula | None, Formula]:
    """What holds on the way, if anything, and what is waited for (``FIRST``) or lasts (``EACH``)."""
    if isinstance(node, Unary):
        return None, node.operand
    assert isinstance(node, Binary)
    return node.left, node.right
