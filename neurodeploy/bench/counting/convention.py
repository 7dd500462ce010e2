"""What counts as an operation: one value for both sides of a comparison, with a printed id."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from neurodeploy.errors import ConfigError, Diagnostic

VERSION: Final = "nd-2"
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "padding": ("out", "in"),
    "zero_weights": ("skipped", "counted"),
    "integers": ("acs", "macs", "repeated"),
    "bias": ("beside", "in"),
    "batch_norm": ("run", "folded"),
    "means": ("run", "folded"),
    "unit": ("sample", "call"),
}
LARGEST_INTEGER: Final = 15
"""Largest magnitude of a small integer, the sum of 15 spikes: beyond it, values are graded."""

WORDS: Final[dict[tuple[str, str], str]] = {
    ("padding", "out"): "taps that fall on zero padding are not counted",
    ("padding", "in"): "taps that fall on zero padding are counted as dense MACs",
    ("zero_weights", "skipped"): "effective counts leave weights that are zero out",
    ("zero_weights", "counted"): "effective counts have weights that are zero in",
    ("integers", "acs"): f"an integer up to {LARGEST_INTEGER} on a weight is one AC",
    ("integers", "macs"): f"an integer up to {LARGEST_INTEGER} on a weight is one MAC",
    (
        "integers",
        "repeated",
    ): f"an integer up to {LARGEST_INTEGER} is as many ACs as it says",
    ("bias", "beside"): "bias additions are counted beside the MACs",
    ("bias", "in"): "a bias addition is one more MAC of its layer",
    ("batch_norm", "run"): "batch normalisation is counted as it runs",
    ("batch_norm", "folded"): "batch normalisation right after a layer with weights is folded away",
    ("means", "run"): "a mean of spikes is a graded activation",
    ("means", "folded"): "a mean of spikes counts as their sum, its division is in the weights",
    ("unit", "sample"): "binary or graded is decided for each sample, or row of a matrix",
    ("unit", "call"): "binary or graded is decided for all samples of a call together",
}


@dataclass(frozen=True)
class Convention:
    """The choices on which tools differ; the default of each is the first of `CHOICES`.

    Counts keep every side of them apart, so that a record can be read by any convention; only
    `means` and `unit` are decided while counting. Raises ConfigError for any other choice.
    """

    padding: str = "out"
    zero_weights: str = "skipped"
    integers: str = "acs"
    bias: str = "beside"
    batch_norm: str = "run"
    means: str = "run"
    unit: str = "sample"

    def __post_init__(self) -> None:
        problems = []
        for name, allowed in CHOICES.items():
            if (chosen := getattr(self, name)) not in allowed:
                detail = f"{chosen!r} is none of {', '.join(allowed)}"
                problems.append(Diagnostic(f"convention {name}", "choice", detail))
        if problems:
            raise ConfigError(problems)

    @property
    def id(self) -> str:
        """ "nd-2", with the choices that are not the default in brackets."""
        given = [
            f"{f.name.replace('_', '-')}={getattr(self, f.name)}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
        ]
        return f"{VERSION}({','.join(given)})" if given else VERSION

    @classmethod
    def parse(cls, text: str) -> Convention:
        """The convention with this id; ConfigError for any other text."""
        body = text.removeprefix(VERSION)
        pairs = [p.partition("=") for p in body.removeprefix("(").removesuffix(")").split(",") if p]
        known = {f.name for f in fields(cls)}
        given = {name.replace("-", "_"): value for name, _, value in pairs}
        found = cls(**given) if given.keys() <= known else None
        if found is None or found.id != text:
            detail = f"{text!r} names no convention of this version ({VERSION})"
            raise ConfigError(Diagnostic("convention", "unknown", detail))
        return found

    @property
    def text(self) -> str:
        """All of it as a sentence for a reader of the numbers."""
        choices = "; ".join(WORDS[f.name, getattr(self, f.name)] for f in fields(self))
        return (
            f"{self.id}: one MAC is one multiplication with its addition; dense counts every "
            "connection, effective only activations that are not zero; an activation of -1, 0 or 1 "
            f"makes an AC, a graded one a MAC; {choices}."
        )


DEFAULT: Final = Convention()
