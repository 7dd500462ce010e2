"""A line on a terminal for what takes longer than a moment: steps, the first compilation."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

PATIENCE_S = 1.0
TICK_S = 0.5


class _Line:
    """One line on stderr that is written over, and gone at the end; nothing where no one reads."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._shown = 0
        self.wanted = sys.stderr.isatty()

    @property
    def spent(self) -> float:
        return time.monotonic() - self._begin

    def show(self, text: str) -> None:
        if self.wanted and self.spent >= PATIENCE_S:
            sys.stderr.write("\r" + text.ljust(self._shown))
            sys.stderr.flush()
            self._shown = len(text)

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r" + " " * self._shown + "\r")
            sys.stderr.flush()


class Progress:
    """Shows how many of `total` steps are done, once PATIENCE_S have passed."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._line = _Line()

    def __enter__(self) -> Progress:
        return self

    def at(self, done: int) -> None:
        """`done` steps are."""
        spent = self._line.spent
        left = spent / done * (self._total - done)
        self._line.show(f"{done} of {self._total} steps, {spent:.0f} s, {left:.0f} s left")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._line.clear()


class Compiling:
    """Shows that code is being compiled, and for how long."""

    def __init__(self) -> None:
        self._line = _Line()
        self._done = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> None:
        if self._line.wanted:
            self._ticker.start()

    def _tick(self) -> None:
        while not self._done.wait(TICK_S):
            spent = self._line.spent
            self._line.show(f"compiling the simulator for this machine, once: {spent:.0f} s")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._ticker.ident is not None:
            self._ticker.join()
        self._line.clear()
