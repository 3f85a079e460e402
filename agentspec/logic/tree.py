"""Immutable syntax trees with a stored hash, the common ground of formulas and behaviors.

Nothing here recurses, so a tree may be deeper than Python's stack. A tree whose parts are shared objects is in memory
a DAG; comparison and traversal visit each shared part once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import FrozenInstanceError
from typing import ClassVar, TypeVar

T = TypeVar("T", bound="Tree")

_REPR_LIMIT = 10_000


class Tree:
    """A node of an immutable tree; two are equal when class and fields are.

    Subclasses are frozen dataclasses with ``eq=False, repr=False`` and ``__slots__``. ``size`` is the number of nodes
    of the tree written out, a shared part counted each time it occurs.
    """

    __slots__ = ("_hash", "size")
    __match_args__: ClassVar[tuple[str, ...]] = ()

    _hash: int
    size: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((type(self).__name__, *self._fields())))
        object.__setattr__(self, "size", 1 + sum(child.size for child in self.children()))

    def children(self) -> tuple[Tree, ...]:
        """The nodes directly below, from left to right; every kind of node says its own."""
        raise NotImplementedError  # abstract

    def _fields(self) -> tuple[object, ...]:
        return tuple([getattr(self, name) for name in self.__match_args__])

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Tree):
            return NotImplemented
        todo: list[tuple[object, object]] = [(self, other)]
        compared: set[tuple[int, int]] = set()
        while todo:
            one, two = todo.pop()
            if one is two or (id(one), id(two)) in compared:
                continue
            if isinstance(one, Tree) and isinstance(two, Tree):
                if one._hash != two._hash or type(one) is not type(two):
                    return False
                compared.add((id(one), id(two)))
                # The tuples of children belong to the nodes, so their ids stay theirs while we compare.
                todo.extend(zip(one._fields(), two._fields(), strict=True))
            elif isinstance(one, tuple) and isinstance(two, tuple):
                if len(one) != len(two):
                    return False
                todo.extend(zip(one, two, strict=True))
            elif one != two:
                return False
        return True

    def __repr__(self) -> str:
        pieces: list[str] = []
        length = 0
        todo: list[object] = [self]
        while todo and length < _REPR_LIMIT:
            piece = _repr_layout(todo.pop(), todo)
            pieces.append(piece)
            length += len(piece)
        return "".join(pieces) + ("..." if todo else "")

    def __reduce__(self) -> tuple[type[Tree], tuple[object, ...]]:
        """Rebuilt from its fields: string hashes differ from one process to the next."""
        return (type(self), self._fields())


class _Verbatim(str):
    """Punctuation of a repr, told apart from a string that is a field."""

    __slots__ = ()


def _repr_layout(value: object, todo: list[object]) -> str:
    """The next piece of a repr; what follows it is pushed on ``todo``."""
    if isinstance(value, _Verbatim):
        return value
    if isinstance(value, Tree):
        opening, fields, closing = f"{type(value).__name__}(", value._fields(), ")"
    elif isinstance(value, tuple):
        opening, fields, closing = "(", value, ",)" if len(value) == 1 else ")"
    else:
        return repr(value)
    todo.append(_Verbatim(closing))
    for index in range(len(fields) - 1, -1, -1):
        todo.append(fields[index])
        if index:
            todo.append(_Verbatim(", "))
    return opening


def children_first(root: T, children: Callable[[T], Iterable[T]]) -> tuple[T, ...]:
    """The different nodes reached from ``root`` through ``children``, each once and after its own children."""
    done: dict[T, None] = {}
    todo = [(root, False)]
    while todo:
        node, opened = todo.pop()
        if node in done:
            continue
        if opened:
            done[node] = None
        else:
            todo.append((node, True))
            todo.extend([(child, False) for child in children(node)][::-1])
    return tuple(done)
