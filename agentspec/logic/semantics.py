"""What a formula means, written straight from the definitions: the oracle everything faster is tested against.

The clauses are those of De Giacomo & Vardi (IJCAI 2013), section 2, over finite non-empty words, and of Lichtenstein,
Pnueli & Zuck (1985) for the past.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from agentspec.logic.formula import (
    Always,
    And,
    Atom,
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
    Until,
    WeakNext,
    WeakSince,
    WeakUntil,
    WeakYesterday,
    Xor,
    Yesterday,
    subformulas,
)


def holds(formula: Formula, word: Sequence[Collection[str]], position: int = 0) -> bool:
    """Whether ``formula`` holds at ``position`` of ``word``, each letter given by the propositions true at it.

    Raises ValueError if the word is empty or the position is not in it.
    """
    if not word:
        raise ValueError("formulas have a meaning over non-empty words only")
    if not 0 <= position < len(word):
        raise ValueError(f"position {position} is not in a word of length {len(word)}")
    truth: dict[Formula, list[bool]] = {}
    for node in subformulas(formula):
        truth[node] = [_holds_at(node, word, here, truth) for here in range(len(word))]
    return truth[formula][position]


def _holds_at(
    node: Formula, word: Sequence[Collection[str]], here: int, truth: Mapping[Formula, Sequence[bool]]
) -> bool:
    """Whether ``node`` holds at ``here``, given the truth of its operands at every position."""
    length = len(word)
    future = range(here, length)
    past = range(here + 1)
    match node:
        case Constant(value):
            return value
        case Atom(name):
            return name in word[here]
        case Last():
            return here == length - 1
        case Not(a):
            return not truth[a][here]
        case And(operands):
            return all(truth[a][here] for a in operands)
        case Or(operands):
            return any(truth[a][here] for a in operands)
        case Implies(a, b):
            return not truth[a][here] or truth[b][here]
        case Iff(a, b):
            return truth[a][here] == truth[b][here]
        case Xor(a, b):
            return truth[a][here] != truth[b][here]
        case Next(a):
            return here + 1 < length and truth[a][here + 1]
        case WeakNext(a):
            return here + 1 == length or truth[a][here + 1]
        case Eventually(a):
            return any(truth[a][j] for j in future)
        case Always(a):
            return all(truth[a][j] for j in future)
        case Until(a, b):
            return any(truth[b][j] and all(truth[a][k] for k in range(here, j)) for j in future)
        case WeakUntil(a, b):
            return all(truth[a][j] or any(truth[b][k] for k in range(here, j + 1)) for j in future)
        case Release(a, b):
            return all(truth[b][j] or any(truth[a][k] for k in range(here, j)) for j in future)
        case StrongRelease(a, b):
            return any(truth[a][j] and all(truth[b][k] for k in range(here, j + 1)) for j in future)
        case Yesterday(a):
            return here > 0 and truth[a][here - 1]
        case WeakYesterday(a):
            return here == 0 or truth[a][here - 1]
        case Once(a):
            return any(truth[a][j] for j in past)
        case Historically(a):
            return all(truth[a][j] for j in past)
        case Since(a, b):
            return any(truth[b][j] and all(truth[a][k] for k in range(j + 1, here + 1)) for j in past)
        case WeakSince(a, b):
            return all(truth[a][j] or any(truth[b][k] for k in range(j, here + 1)) for j in past)
    raise TypeError(f"not a formula: {node!r}")
