"""Which texts a constraint has, by definition: the sets of ends of its texts from each start. The slow twin."""

from __future__ import annotations

from agentspec.content.constraint import (
    And,
    Characters,
    Choice,
    Constraint,
    Literal,
    Not,
    Repeat,
    Sequence,
    Substring,
    within,
)


def matches(constraint: Constraint, text: str) -> bool:
    """Whether the whole text is one of the constraint's."""
    return len(text) in _ends(constraint, text, 0, {})


def _ends(
    constraint: Constraint, text: str, start: int, known: dict[tuple[int, int], frozenset[int]]
) -> frozenset[int]:
    key = (id(constraint), start)
    if key not in known:
        known[key] = _ends_afresh(constraint, text, start, known)
    return known[key]


def _ends_afresh(
    constraint: Constraint, text: str, start: int, known: dict[tuple[int, int], frozenset[int]]
) -> frozenset[int]:
    match constraint:
        case Literal(text=literal):
            return frozenset({start + len(literal)}) if text.startswith(literal, start) else frozenset()
        case Characters(ranges=ranges, minimum=minimum, maximum=maximum):
            end = start
            while end < len(text) and (maximum is None or end - start < maximum) and within(ord(text[end]), ranges):
                end += 1
            return frozenset(range(start + minimum, end + 1))
        case Sequence(parts=parts):
            ends = frozenset({start})
            for part in parts:
                ends = frozenset().union(*(_ends(part, text, end, known) for end in ends))
            return ends
        case Choice(options=options):
            return frozenset().union(*(_ends(option, text, start, known) for option in options))
        case Repeat(body=body, minimum=minimum, maximum=maximum):
            ends = frozenset({start})
            found = ends if minimum == 0 else frozenset()
            for count in range(1, (maximum if maximum is not None else minimum + len(text) + 1) + 1):
                ends = frozenset().union(*(_ends(body, text, end, known) for end in ends))
                if not ends:
                    break
                if count >= minimum:
                    found |= ends
            return found
        case And(parts=parts):
            return frozenset.intersection(*(_ends(part, text, start, known) for part in parts))
        case Not(body=body):
            return frozenset(range(start, len(text) + 1)) - _ends(body, text, start, known)
        case Substring(chunks=chunks):
            rest = text[start:]
            return frozenset(
                start + len(part)
                for i in range(len(chunks) + 1)
                for j in range(i, len(chunks) + 1)
                if rest.startswith(part := "".join(chunks[i:j]))
            )
    raise AssertionError(f"{constraint} has no texts of its own")
