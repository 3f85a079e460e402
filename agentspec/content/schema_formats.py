"""Formats of JSON Schema strings as constraints: subsets of what the standard allows, without its odd corners.

``date`` has the calendar (years 1000 to 9999); ``time`` has seconds up to 59 and an offset; hosts have ASCII names; an
``email`` has a plain local part and a host; a ``uri`` has a scheme, a host and what may follow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from agentspec.content.constraint import Constraint, Literal, Sequence
from agentspec.content.field import date
from agentspec.content.regex import parse_regex

_HEX = "[0-9A-Fa-f]"
_LABEL = "[A-Za-z0-9](-?[A-Za-z0-9]){0,19}"
"""Without two hyphens in a row, as only punycode has them, which has rules of its own."""
_HOST = f"{_LABEL}(\\.{_LABEL}){{0,5}}"
_ATOM = "[A-Za-z0-9_%+\\-]{1,20}"
_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_GROUP = f"{_HEX}{{1,4}}"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+\\-]([01][0-9]|2[0-3]):[0-5][0-9])"
_CHARACTER = f"([A-Za-z0-9\\-._~!$&'()*+,;=:@]|%{_HEX}{{2}})"
_IPV6 = "|".join(
    [
        f"({_GROUP}:){{7}}{_GROUP}",
        *(f"({_GROUP}:){{{n}}}(:{_GROUP}){{1,{7 - n}}}" for n in range(1, 7)),
        f"({_GROUP}:){{1,7}}:",
        f":(:{_GROUP}){{1,7}}",
        "::",
    ]
)


def _full(pattern: str) -> Constraint:
    return parse_regex(pattern, source="<format>").full()


_MADE: dict[str, Callable[[], Constraint]] = {
    "date": date,
    "time": lambda: _full(_TIME),
    "date-time": lambda: Sequence((date(), Literal("T"), _full(_TIME))),
    "uuid": lambda: _full(f"{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"),
    "email": lambda: _full(f"{_ATOM}(\\.{_ATOM}){{0,2}}@{_LABEL}(\\.{_LABEL}){{1,3}}"),
    "hostname": lambda: _full(_HOST),
    "ipv4": lambda: _full(f"{_BYTE}(\\.{_BYTE}){{3}}"),
    "ipv6": lambda: _full(_IPV6),
    "uri": lambda: _full(
        f"[A-Za-z][A-Za-z0-9+.\\-]*://{_HOST}(:[0-9]{{1,5}})?(/{_CHARACTER}*)*"
        f"(\\?({_CHARACTER}|[/?])*)?(#({_CHARACTER}|[/?])*)?"
    ),
}
FORMATS = tuple(_MADE)


@cache
def format_texts(name: str) -> Constraint | None:
    """The strings of a format, None for one that is not enforced."""
    return _MADE[name]() if name in _MADE else None
