"""Errors that a user can cause: one line per problem, and an exit code per kind.

A stage collects every problem it finds as a `Diagnostic` and raises once. The line reads
`where [rule]: detail; hint`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnostic:
    """One problem: the place, the rule that it breaks, the value and limit, what to do."""

    where: str
    rule: str
    detail: str
    hint: str = ""

    def __str__(self) -> str:
        tail = f"; {self.hint}" if self.hint else ""
        # details quote exceptions and names, which may run over several lines
        return " ".join(f"{self.where} [{self.rule}]: {self.detail}{tail}".splitlines())


class NeurodeployError(Exception):
    """Root of all errors that a user can cause. `exit_code` is the command line's exit status."""

    exit_code = 1

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        if isinstance(diagnostics, Diagnostic):
            diagnostics = (diagnostics,)
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(str(d) for d in self.diagnostics))


class UnsupportedLayer(NeurodeployError):
    """A training framework's layer that has no exact form in NIR."""


class UnsupportedPrimitive(NeurodeployError):
    """A NIR primitive or graph shape that has no lowering."""


class VerificationError(NeurodeployError):
    """A graph or Program that breaks its own rules, or two stages that disagree."""


class ResourceError(NeurodeployError):
    """A Program that exceeds a limit of the chip."""


class QuantizationError(NeurodeployError):
    """Values that cannot be put into the chip's integers."""


class ConfigError(NeurodeployError):
    """A wrong option, configuration value or argument."""

    exit_code = 2


class DataError(NeurodeployError):
    """An input file or array that is damaged or of the wrong kind."""

    exit_code = 2


class BackendUnavailable(NeurodeployError):
    """A backend or optional package that is not installed here."""

    exit_code = 3


def raise_all(errors: Sequence[NeurodeployError]) -> None:
    """Raise all as one, if there are any: of their kind, a DataError where they are of several."""
    kinds = {type(error) for error in errors}
    if kinds:
        kind = kinds.pop() if len(kinds) == 1 else DataError
        raise kind([diagnostic for error in errors for diagnostic in error.diagnostics])


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """What a program's `main` runs in: users' errors become a line each on stderr and the exit
    code; so do missing packages."""
    try:
        yield
    except NeurodeployError as error:
        _stop(error)
    except ModuleNotFoundError as error:
        if not error.name or error.name.startswith("neurodeploy"):
            raise
        detail = "is not installed, and this command needs it"
        hint = "neurodeploy doctor says what installs it"
        _stop(BackendUnavailable(Diagnostic(error.name, "package-missing", detail, hint)))


def _stop(error: NeurodeployError) -> None:
    for diagnostic in error.diagnostics:
        sys.stderr.write(f"error: {diagnostic}\n")
    raise SystemExit(error.exit_code) from None
