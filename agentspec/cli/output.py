"""Standard output during a run: ours alone. What tools print, even past Python, goes to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO


@contextmanager
def own_stdout() -> Iterator[TextIO]:
    """The real standard output; until the end everybody else's is standard error."""
    real = sys.stdout
    try:
        real.flush()
        number, errors = real.fileno(), sys.stderr.fileno()
        copy = os.dup(number)
    except (OSError, ValueError, AttributeError):  # no file at all: a test's, a notebook's, or closed
        with redirect_stdout(sys.stderr):
            yield real
        return
    try:
        os.dup2(errors, number)
        with (
            os.fdopen(os.dup(copy), "w", encoding=real.encoding, errors="backslashreplace", buffering=1) as out,
            redirect_stdout(sys.stderr),
        ):
            yield out
    finally:
        os.dup2(copy, number)
        os.close(copy)
