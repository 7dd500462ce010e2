"""Do two stages compute the same network? Spikes and integers that differ, layer by layer.

    torch module -> NIR graph (reference, float64) -> Program(fixed) (reference) -> Lava
torch and the graph must agree in every spike; the fixed Program differs by rounding, which is
reported; Lava and the fixed Program must agree in every integer of u, v and spikes at every step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nir
import numpy as np

from neurodeploy import pipeline
from neurodeploy.errors import ConfigError, Diagnostic, VerificationError
from neurodeploy.ir.inputs import Inputs, prepare_inputs
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Trace

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Difference:
    """What differs in one quantity of one layer between two stages.

    quantity: "spikes", "u", "v" or "output"; compared and differing count elements of `(T, B, N)`;
    first_step, first_neuron: where the first difference is (-1 if there is none);
    largest: the largest absolute difference, in units of the real membrane for states.
    """

    left: str
    right: str
    layer: str
    quantity: str
    compared: int
    differing: int
    first_step: int
    first_neuron: int
    largest: float
    exact: bool

    @property
    def agrees(self) -> bool:
        """No element differs, or equality is not what this pair promises."""
        return self.differing == 0 or not self.exact


def difference(
    stages: tuple[str, str],
    layer: str,
    quantity: str,
    arrays: tuple[Array, Array],
    *,
    exact: bool,
    tolerance: float = 0.0,
) -> Difference:
    """Compares two `(T, B, *shape)` arrays; elements differ if |a - b| > tolerance.

    Raises VerificationError if the shapes differ or a value is NaN or infinite.
    """
    a, b = arrays
    if a.shape != b.shape:
        detail = f"{stages[0]} has shape {a.shape}, {stages[1]} {b.shape}"
        raise VerificationError(Diagnostic(f"layer {layer}", "shape", detail))
    gap = np.abs(np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64))
    if not np.isfinite(gap).all():
        detail = f"{quantity} of {stages[0]} or {stages[1]} hold NaN or infinite values"
        raise VerificationError(Diagnostic(f"layer {layer}", "finite", detail))
    wrong = gap > tolerance
    first = np.argwhere(wrong.reshape(len(a), wrong.shape[1], -1)) if wrong.any() else None
    return Difference(
        left=stages[0],
        right=stages[1],
        layer=layer,
        quantity=quantity,
        compared=int(a.size),
        differing=int(wrong.sum()),
        first_step=-1 if first is None else int(first[0][0]),
        first_neuron=-1 if first is None else int(first[0][2]),
        largest=float(gap.max(initial=0.0)),
        exact=exact,
    )


def compare_torch(replayed: Mapping[str, Array], real: Trace) -> tuple[Difference, ...]:
    """torch against the graph: every layer that both know by name, spikes exactly.

    A membrane read-out is compared to 1e-9 of its largest value: float64 rounds differently where
    the order of a sum differs. Raises VerificationError for a spiking layer of the graph that the
    module does not have.
    """
    _require_layers(replayed, real.program)
    found = []
    for name in real.program.order:
        if name not in replayed:
            continue
        graded = real.program.is_graded(name)
        ours = real.aligned(f"{name}/v" if graded else f"{name}/s")
        theirs = replayed[name]
        theirs = theirs.reshape(ours.shape) if theirs.size == ours.size else theirs
        tolerance = 1e-9 * float(np.abs(theirs).max(initial=1.0)) if graded else 0.0
        stages = ("torch", "NIR")
        quantity = "v" if graded else "spikes"
        found.append(
            difference(stages, name, quantity, (theirs, ours), exact=True, tolerance=tolerance)
        )
    return tuple(found)


def _require_layers(replayed: Mapping[str, Array], program: Program) -> None:
    """A layer that only one side has is a difference, nothing to pass over."""
    expected = [n.name for n in program.neurons if program.incoming(n.name)]
    missing = [n for n in expected if n not in replayed and not program.is_graded(n)]
    known = ", ".join(replayed)
    if missing:
        detail = f"the module has no such layer; it has {known}"
        hint = "is the graph an export of this module?"
        raise VerificationError(
            [Diagnostic(f"layer {n}", "torch = NIR", detail, hint) for n in missing]
        )


def compare_rounding(real: Trace, fixed: Trace) -> tuple[Difference, ...]:
    """Real against fixed arithmetic: spikes that rounding moved, membranes in real units."""
    found = []
    for name in real.program.order:
        state = "v" if real.program.is_graded(name) else "s"
        left, right = real.aligned(f"{name}/{state}"), fixed.real(f"{name}/{state}")
        quantity = "v" if state == "v" else "spikes"
        stages = ("NIR", "fixed")
        found.append(difference(stages, name, quantity, (left, right), exact=False))
    return tuple(found)


def compare_integers(left: Trace, right: Trace, name: str) -> tuple[Difference, ...]:
    """Two runs of one fixed Program: every integer of every recorded state, raw time.

    Raises VerificationError if they did not record the same states.
    """
    if set(left.states) != set(right.states):
        odd = ", ".join(sorted(set(left.states) ^ set(right.states)))
        raise VerificationError(Diagnostic(f"fixed = {name}", "states", f"only one has {odd}"))
    found = []
    for key in sorted(left.states):
        layer, _, state = key.rpartition("/")
        arrays = (left.states[key], right.states[key])
        quantity = "spikes" if state == "s" else state
        found.append(difference(("fixed", name), layer, quantity, arrays, exact=True))
    return tuple(found)


def verify(
    source: nir.NIRGraph | Program | str | Path,
    inputs: Inputs,
    *,
    dt: float | None = None,
    module: Any = None,
    compiled: Program | None = None,
    backends: tuple[str, ...] = (),
) -> tuple[Difference, ...]:
    """Runs the stages on the same input `(T, B, *shape)` and compares each with the next.

    source: the graph (or real Program); module: the snnTorch or Norse module it came from;
    compiled: its fixed Program; backends: where else that one runs ("lava").
    Raises what the stages raise; differences are returned, not raised.
    """
    program = pipeline.load(source, dt)
    real = pipeline.run(program, inputs, probe="all")
    found: list[Difference] = []
    if module is not None:
        prepared = prepare_inputs(program, inputs)
        if len(prepared) != 1:
            detail = f"a module takes one input, the graph has {', '.join(prepared)}"
            raise ConfigError(Diagnostic("input", "ports", detail))
        found += compare_torch(pipeline.replay(module, *prepared.values()), real)
    if compiled is not None:
        fixed = pipeline.run(compiled, inputs, probe="all")
        found += compare_rounding(real, fixed)
        for backend in backends:
            other = pipeline.run(compiled, inputs, backend=backend, probe="all")
            found += compare_integers(fixed, other, backend)
    return tuple(found)
