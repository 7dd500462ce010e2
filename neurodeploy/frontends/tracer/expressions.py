"""Where a tensor comes from, as an expression over network input, layers and neuron outputs.

Each step of a network gives one expression per neuron input. The network is a graph if the
expressions of all steps are the same up to a shift in time: `settle` finds that graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Source:
    """An input of the network at step `at`; None if it is the same at every step."""

    shape: Shape
    at: int | None
    name: str = "input"


@dataclass(frozen=True)
class Port:
    """Output `name` ("spk", "syn" or "mem") of a neuron layer at step `at`.

    In a relative expression `at` counts steps back: 0 is this step's output, 1 the previous one's.
    """

    neuron: str
    name: str
    shape: Shape
    at: int


@dataclass(frozen=True)
class Apply:
    """Stateless layers, in order, on `arg`: a linear layer and what is folded into it, or one."""

    layers: tuple[str, ...]
    arg: Expr
    shape: Shape


@dataclass(frozen=True)
class Sum:
    """The sum of at least two terms."""

    terms: tuple[Expr, ...]
    shape: Shape


@dataclass(frozen=True)
class Zero:
    """A constant of zeros, such as the spikes before the first step."""

    shape: Shape


@dataclass(frozen=True)
class Unknown:
    """The result of something that has no form in NIR; a diagnostic says what."""

    shape: Shape


Expr: TypeAlias = Source | Port | Apply | Sum | Zero | Unknown


def add(a: Expr, b: Expr) -> Expr:
    """a + b; zeros vanish and nested sums become one."""
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return Unknown(a.shape)
    terms = tuple(e for e in (*terms_of(a), *terms_of(b)) if not isinstance(e, Zero))
    if not terms:
        return a
    return terms[0] if len(terms) == 1 else Sum(terms, a.shape)


def terms_of(expr: Expr) -> tuple[Expr, ...]:
    """The terms of a sum, or the expression itself as the only one."""
    return expr.terms if isinstance(expr, Sum) else (expr,)


def ports(expr: Expr) -> Iterator[Port | Source]:
    """All neuron outputs and network inputs that the expression reads."""
    if isinstance(expr, Port | Source):
        yield expr
    elif isinstance(expr, Apply):
        yield from ports(expr.arg)
    elif isinstance(expr, Sum):
        for term in expr.terms:
            yield from ports(term)


def has_unknown(expr: Expr) -> bool:
    """Whether a part of the expression could not be followed."""
    if isinstance(expr, Apply):
        return has_unknown(expr.arg)
    if isinstance(expr, Sum):
        return any(has_unknown(term) for term in expr.terms)
    return isinstance(expr, Unknown)


def relative(expr: Expr, now: int) -> Expr:
    """The expression with every step replaced by how many steps before `now` it lies."""
    if isinstance(expr, Source):
        return expr if expr.at is None else replace(expr, at=now - expr.at)
    if isinstance(expr, Port):
        return replace(expr, at=now - expr.at)
    if isinstance(expr, Apply):
        return replace(expr, arg=relative(expr.arg, now))
    if isinstance(expr, Sum):
        return replace(expr, terms=tuple(relative(t, now) for t in expr.terms))
    return expr


def settle(history: Sequence[Expr], bias_free: Callable[[tuple[str, ...]], bool]) -> Expr | None:
    """The relative expression that all steps share; None if there is none.

    The first steps may read zeros, or leave a term out, where later ones read a step before the
    first: nothing has spiked there. The last two steps have to be the same.
    """
    steps = [relative(expr, now) for now, expr in enumerate(history)]
    steady = steps[-1]
    if any(step != steady for step in steps[-2:]):
        return None
    alike = (_starts_like(step, steady, now, bias_free) for now, step in enumerate(steps))
    return steady if all(alike) else None


def _starts_like(
    first: Expr, steady: Expr, now: int, bias_free: Callable[[tuple[str, ...]], bool]
) -> bool:
    if first == steady:
        return True
    if isinstance(first, Zero):
        return _silent(steady, now, bias_free)
    if isinstance(first, Apply) and isinstance(steady, Apply):
        same = first.layers == steady.layers
        return same and _starts_like(first.arg, steady.arg, now, bias_free)
    if not isinstance(steady, Sum):
        return False
    left = list(terms_of(first))
    for term in steady.terms:
        if left and _starts_like(left[0], term, now, bias_free):
            left.pop(0)
        elif not _silent(term, now, bias_free):
            return False
    return not left


def _silent(expr: Expr, now: int, bias_free: Callable[[tuple[str, ...]], bool]) -> bool:
    """Whether the relative expression is zero at step `now`: it reads steps before the first."""
    if isinstance(expr, Port | Source):
        return expr.at is not None and expr.at > now
    if isinstance(expr, Apply):
        return bias_free(expr.layers) and _silent(expr.arg, now, bias_free)
    if isinstance(expr, Sum):
        return all(_silent(t, now, bias_free) for t in expr.terms)
    return isinstance(expr, Zero)
