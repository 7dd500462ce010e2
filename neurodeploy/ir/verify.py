"""The rules that every Program keeps. Raises VerificationError with all that are broken."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

import numpy as np

from neurodeploy.errors import Diagnostic, VerificationError
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Neuron, Program, Synapse
from neurodeploy.ir.synapses import conv_output_shape

WEIGHT_EXP_RANGE = (-8, 7)


def verify_program(program: Program) -> None:
    """Names, references, shapes, parameters and, if fixed, the range of every integer."""
    problems = list(_structure(program))
    if not problems:
        for neuron in program.neurons:
            problems += _neuron(program, neuron)
        for synapse in program.synapses:
            problems += _synapse(program, synapse)
    if problems:
        raise VerificationError(problems)
    _ = program.order  # raises for a cycle without delay


def _structure(program: Program) -> Iterator[Diagnostic]:
    names = [p.name for p in program.inputs] + [n.name for n in program.neurons]
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield Diagnostic(f"neuron {name}", "name", "is taken twice")
    titles = [s.name for s in program.synapses]
    for name in sorted({n for n in titles if titles.count(n) > 1}):
        yield Diagnostic(f"synapse {name}", "name", "is taken twice")
    for name in names:
        if not name or "/" in name:
            yield Diagnostic(f"neuron {name!r}", "name", "is empty or holds a slash")
    if program.arithmetic not in ("real", "fixed"):
        yield Diagnostic("program", "arithmetic", f"{program.arithmetic!r} is unknown")
    if not (isfinite(program.dt) and program.dt > 0):
        yield Diagnostic("program", "dt", f"{program.dt} s")
    if not program.outputs:
        yield Diagnostic("program", "outputs", "has none")
    populations = {n.name for n in program.neurons}
    for name in program.outputs:
        if name not in populations:
            yield Diagnostic(f"output {name}", "reference", "is no population")
    for s in program.synapses:
        if s.source not in names or s.target not in populations:
            yield Diagnostic(f"synapse {s.name}", "reference", f"{s.source} -> {s.target}")
        if s.delay < 0:
            yield Diagnostic(f"synapse {s.name}", "delay", f"{s.delay} is negative")


def _neuron(program: Program, neuron: Neuron) -> Iterator[Diagnostic]:
    where = f"neuron {neuron.name}"
    if neuron.model not in NEURON_MODELS:
        yield Diagnostic(where, "model", f"{neuron.model!r}; known: {', '.join(NEURON_MODELS)}")
        return
    if neuron.latency < 0:
        yield Diagnostic(where, "latency", f"{neuron.latency} is negative")
    fixed = program.arithmetic == "fixed"
    known = NEURON_MODELS[neuron.model].parameters
    wanted = {key for key, parameter in known.items() if fixed or not parameter.fixed_only}
    if set(neuron.params) != wanted:
        detail = f"has {sorted(neuron.params)}, the model takes {sorted(wanted)}"
        yield Diagnostic(where, "parameters", detail)
        return
    for key, value in neuron.params.items():
        array = np.asarray(value)
        if array.ndim and array.shape != neuron.shape:
            yield Diagnostic(f"{where}.{key}", "shape", f"{array.shape} is not {neuron.shape}")
        if not np.isfinite(array).all():
            yield Diagnostic(f"{where}.{key}", "finite", "holds NaN or infinite values")
        elif fixed:
            yield from _integers(f"{where}.{key}", array, known[key].low, known[key].high)
            if array.ndim and not known[key].per_neuron:
                yield Diagnostic(f"{where}.{key}", "scalar", "one value per population")


def _synapse(program: Program, synapse: Synapse) -> Iterator[Diagnostic]:
    where = f"synapse {synapse.name}"
    source, target = program.shapes[synapse.source], program.shapes[synapse.target]
    if synapse.kind in ("dense", "sparse"):
        expected: tuple[int, ...] = (int(np.prod(target)), int(np.prod(source)))
        if tuple(synapse.weights.shape) != expected:
            detail = f"weights {tuple(synapse.weights.shape)}, expected {expected}"
            yield Diagnostic(where, "shape", detail)
            return
    elif synapse.geometry is None or synapse.weights.ndim != 2 + len(synapse.geometry.stride):
        yield Diagnostic(where, "geometry", "is missing or of another dimension")
        return
    else:
        got = conv_output_shape(source, synapse.weights.shape, synapse.geometry)
        channels = synapse.weights.shape[1] * synapse.geometry.groups
        if got != target or channels != source[0]:
            yield Diagnostic(where, "shape", f"gives {got} from {source}, expected {target}")
            return
    values = synapse.weight_values
    if not np.isfinite(values).all():
        yield Diagnostic(where, "finite", "weights hold NaN or infinite values")
    elif program.arithmetic == "fixed":
        yield from _weights(where, synapse, values)


def _weights(where: str, synapse: Synapse, values: Any) -> Iterator[Diagnostic]:
    low, high = (-256, 255) if (values < 0).any() else (0, 255)
    yield from _integers(f"{where}.weights", values, low, high)
    mixed = bool((values > 0).any() and (values < 0).any())
    step = 1 << (8 - synapse.num_weight_bits + mixed)
    if not 1 <= synapse.num_weight_bits <= 8:
        yield Diagnostic(where, "num_weight_bits", f"{synapse.num_weight_bits} is not in 1..8")
    elif (values % step).any():
        detail = f"{synapse.num_weight_bits} bits hold multiples of {step} only"
        yield Diagnostic(f"{where}.weights", "bits", detail)
    yield from _integers(f"{where}.weight_exp", np.asarray(synapse.weight_exp), *WEIGHT_EXP_RANGE)


def _integers(where: str, values: Any, low: int, high: int) -> Iterator[Diagnostic]:
    if values.dtype.kind not in "iu":
        yield Diagnostic(where, "integer", f"has dtype {values.dtype}")
    elif values.size and (values.min() < low or values.max() > high):
        detail = f"{values.min()}..{values.max()} is not within {low}..{high}"
        yield Diagnostic(where, "range", detail)
