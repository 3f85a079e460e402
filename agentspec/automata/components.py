"""Strongly connected components of directed graphs (Tarjan, SIAM Journal on Computing 1972), without recursion."""

from __future__ import annotations

from collections.abc import Sequence


def components(successors: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The strongly connected component of each vertex, numbered so that edges lead to equal or lower numbers (Tarjan).

    A vertex without a cycle is a component of its own.
    """
    index: dict[int, int] = {}
    lowest: dict[int, int] = {}
    found = [-1] * len(successors)
    stack: list[int] = []
    count = 0
    for start in range(len(successors)):
        if start in index:
            continue
        walk = [(start, iter(successors[start]))]
        index[start] = lowest[start] = len(index)
        stack.append(start)
        while walk:
            vertex, rest = walk[-1]
            for target in rest:
                if target not in index:
                    index[target] = lowest[target] = len(index)
                    stack.append(target)
                    walk.append((target, iter(successors[target])))
                    break
                if found[target] == -1:
                    lowest[vertex] = min(lowest[vertex], index[target])
            else:
                walk.pop()
                if walk:
                    lowest[walk[-1][0]] = min(lowest[walk[-1][0]], lowest[vertex])
                if lowest[vertex] == index[vertex]:
                    while found[vertex] == -1:
                        found[stack.pop()] = count
                    count += 1
    return tuple(found)
