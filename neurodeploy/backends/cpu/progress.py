"""A bar on a terminal for runs that take longer than a moment."""

from __future__ import annotations

import sys
import time
from types import TracebackType

PATIENCE_S = 1.0


class Progress:
    """Shows how many of `total` steps are done, once PATIENCE_S have passed, on stderr."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._begin = time.monotonic()
        self._shown = 0
        self._wanted = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def at(self, done: int) -> None:
        """`done` steps are."""
        spent = time.monotonic() - self._begin
        if not self._wanted or spent < PATIENCE_S:
            return
        left = spent / done * (self._total - done)
        line = f"\r{done} of {self._total} steps, {spent:.0f} s, {left:.0f} s left"
        sys.stderr.write(line.ljust(self._shown))
        sys.stderr.flush()
        self._shown = len(line)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._shown:
            sys.stderr.write("\r" + " " * self._shown + "\r")
            sys.stderr.flush()
