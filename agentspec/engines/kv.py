"""What can be done with the cache of a model, by the kind of its layers; of torch nothing is imported.

Layers of keys and values grow by concatenation: an older state of one is kept by keeping its tensors. Recurrent and
convolutional states are overwritten in place and have to be copied, and no token can be taken back out of them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

_GROWING = {"DynamicLayer", "DynamicIndexedLayer", "DynamicSlidingWindowLayer"}
_SLIDING = "DynamicSlidingWindowLayer"


def can_forget(cache: Any) -> bool:
    """Whether the last tokens can be cut off: in all layers keys and values of all tokens, no window left any out."""
    return all(
        type(layer).__name__ in _GROWING
        and (type(layer).__name__ != _SLIDING or layer.get_seq_length() < layer.sliding_window)
        for layer in cache.layers
    )


def forget(cache: Any, tokens: int) -> None:
    """Cut off the last tokens, where `can_forget` says so."""
    if tokens:
        cache.crop(-tokens)


def copied(cache: Any) -> Any:
    """The cache as it is now: what is written to either later does not change the other."""
    twin = copy.copy(cache)
    twin.layers = [
        copy.copy(layer) if type(layer).__name__ in _GROWING else copy.deepcopy(layer) for layer in cache.layers
    ]
    return twin


def can_batch(cache: Any) -> bool:
    """Whether texts of different lengths can be its rows: in all layers keys and values of all tokens, no windows."""
    return bool(cache.layers) and all(type(layer).__name__ == "DynamicLayer" for layer in cache.layers)


def gather(empty: Any, rows: Sequence[tuple[Any, int, Sequence[int]]]) -> None:
    """Fill an empty cache with rows, each from a row of a cache and the places there; all end at the right edge."""
    width = max(len(places) for _, _, places in rows)
    for number, layer in enumerate(rows[0][0].layers):
        if not layer.is_initialized:
            continue
        joined = []
        for name in ("keys", "values"):
            old = getattr(layer, name)
            new = old.new_zeros((len(rows), old.shape[1], width, old.shape[3]))
            for i, (cache, row, places) in enumerate(rows):
                new[i, :, width - len(places) :] = getattr(cache.layers[number], name)[row][:, places]
            joined.append(new)
        empty.update(*joined, number)


def extend(cache: Any, row: int, other: Any, tokens: int) -> None:
    """Add the last tokens of another cache, of one row, to a row; the other rows get nothing that is to be seen."""
    for number, (layer, new) in enumerate(zip(cache.layers, other.layers, strict=True)):
        if not layer.is_initialized:
            continue
        added = []
        for old, tensor in ((layer.keys, new.keys), (layer.values, new.values)):
            blank = old.new_zeros((*old.shape[:2], tokens, old.shape[3]))
            blank[row] = tensor[0, :, -tokens:]
            added.append(blank)
        cache.update(*added, number)


def size(cache: Any) -> int:
    """The bytes of its tensors."""
    return sum(int(tensor.nbytes) for layer in cache.layers for tensor in _tensors(vars(layer).values()))


def _tensors(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, dict):
            yield from _tensors(value.values())
        elif hasattr(value, "nbytes"):
            yield value
