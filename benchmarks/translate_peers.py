"""The other translators, run by `benchmarks/translate.py` with a Python that has them; imports nothing of agentspec.

Reads ``{"tool": name, "seconds": limit, "total": limit, "formulas": [text or null]}`` and writes ``{"version": text,
"ms": [number or null]}`` (null: not done within the limits), or ``{"absent": why}``.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any


def spot() -> tuple[str, Callable[[str], Any], Callable[[Any], Any]]:
    """Spot's own LTLf translator and minimisation, in process."""
    import spot as library

    if not hasattr(library, "ltlf_to_mtdfa"):
        raise ImportError("this Spot has no ltlf_to_mtdfa")
    return (
        f"Spot {library.version()}",
        library.formula,
        lambda formula: library.minimize_mtdfa(library.ltlf_to_mtdfa(formula)),
    )


def ltlf2dfa() -> tuple[str, Callable[[str], Any], Callable[[Any], Any]]:
    """ltlf2dfa, which runs the process ``mona``."""
    from ltlf2dfa.parser.ltlf import LTLfParser

    if shutil.which("mona") is None:
        raise ImportError("no program 'mona'")
    return f"ltlf2dfa {version('ltlf2dfa')} with MONA", LTLfParser(), lambda formula: formula.to_dfa()


def flloat() -> tuple[str, Callable[[str], Any], Callable[[Any], Any]]:
    """flloat, in process."""
    from flloat.parser.ltlf import LTLfParser

    return f"flloat {version('flloat')}", LTLfParser(), lambda formula: formula.to_automaton()


class _TooLong(Exception):
    pass


def _stop(*_: object) -> None:
    raise _TooLong


def timed(read: Callable[[str], Any], build: Callable[[Any], Any], text: str | None, seconds: int) -> float | None:
    """Milliseconds of the better of two builds, or None past the limit; reading the text is not counted."""
    if text is None:
        return None
    signal.signal(signal.SIGALRM, _stop)
    best = None
    try:
        for _ in range(2):
            formula = read(text)
            signal.alarm(seconds)
            began = time.perf_counter()
            build(formula)
            took = 1000 * (time.perf_counter() - began)
            signal.alarm(0)
            best = took if best is None else min(best, took)
    except (_TooLong, RecursionError, MemoryError):
        return best
    finally:
        signal.alarm(0)
    return best


def main() -> None:
    """Serve one request."""
    asked = json.load(sys.stdin)
    try:
        name, read, build = {"spot": spot, "ltlf2dfa": ltlf2dfa, "flloat": flloat}[asked["tool"]]()
    except ImportError as problem:
        print(json.dumps({"absent": str(problem)}))
        return
    end = time.monotonic() + asked["total"]
    times = [
        timed(read, build, text if time.monotonic() < end else None, asked["seconds"]) for text in asked["formulas"]
    ]
    print(json.dumps({"version": name, "ms": times}))


main()
