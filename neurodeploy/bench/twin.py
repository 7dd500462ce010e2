"""The artificial twin of a Program: same connections, a rectifier for each neuron, one pass.

    y = max(sum of W y_source + bias, 0) / threshold      (one that is read out: y = sum)

A recurrent connection brings what its source sent in the pass before, as in a recurrent network of
rectifiers. The twin is not trained: it serves to count, and its effective counts are those of these
weights and this input alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from neurodeploy.bench.counting.convention import DEFAULT
from neurodeploy.bench.counting.record import ByValue, CountRecord, LayerCount
from neurodeploy.ir.inputs import Inputs, prepare_inputs
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Neuron, Program, Synapse, forward_synapses
from neurodeploy.ir.synapses import fan_out, linear

Array = np.ndarray[Any, np.dtype[Any]]
TWIN: Final = "derived twin"
BOUNDARY: Final = "connections, biases and rectifiers, as often as it passes"
LARGEST: Final = 2.0**30
"""Activations are held below it: an untrained recurrent twin may grow without bound."""


@dataclass
class _Tally:
    calls: int = 0
    nonzero: int = 0
    binary: int = 0
    graded: int = 0


@dataclass
class _Pass:
    """What the sources sent in this pass and in the one before."""

    now: dict[str, Array]
    before: Mapping[str, Array]
    tallies: dict[str, _Tally] = field(default_factory=dict)


def count_program_twin(program: Program, inputs: Inputs, passes: int) -> CountRecord:
    """Counts over all samples of `inputs` `(T, B, *shape)` and its first `passes` steps.

    Raises what `prepare_inputs` raises for input that does not fit.
    """
    ready = prepare_inputs(program, inputs)
    batch = next(iter(ready.values())).shape[1]
    forward = {s.name for s in forward_synapses(program)}
    fan = {s.name: fan_out(program, s, non_zero=True) for s in program.synapses}
    tallies = {s.name: _Tally() for s in program.synapses}
    before: dict[str, Array] = {}
    for t in range(passes):
        now = {name: x[t].astype(np.float64) for name, x in ready.items()}
        for name in program.order:
            total = np.zeros((batch, *program.shapes[name]))
            for synapse in program.incoming(name):
                sent = (now if synapse.name in forward else before).get(synapse.source)
                if sent is not None:
                    arriving = linear(synapse, sent, program.shapes[name])
                    total += arriving * 2.0**synapse.weight_exp
                    _tally(tallies[synapse.name], sent, fan[synapse.name])
            now[name] = _activation(program, name, total)
        before = now
    rows = [_link(program, s, tallies[s.name], batch, passes) for s in program.synapses]
    rows += [_cell(program, name, batch * passes) for name in program.order]
    return CountRecord(DEFAULT, batch, passes, BOUNDARY, tuple(rows))


def _activation(program: Program, name: str, total: Array) -> Array:
    """What a population sends; in a fixed Program from integers, so that 1 is the threshold too."""
    neuron = program.neuron(name)
    model, fixed = NEURON_MODELS[neuron.model], program.arithmetic == "fixed"
    shift = 2.0**model.input_shift if fixed else 1.0
    v = total * shift + _bias(neuron)
    if not _rectifies(program, name):
        return v / neuron.scale * model.message_scale(neuron.params, neuron.scale)
    threshold = np.asarray(neuron.params.get("vth", 1), dtype=np.float64) * shift
    y = np.maximum(v, 0.0) / np.where(threshold > 0, threshold, 1.0)
    return np.minimum(y, LARGEST)


def _bias(neuron: Neuron) -> Array:
    mantissa = np.asarray(neuron.params.get("bias", 0), dtype=np.float64)
    return mantissa * 2.0 ** int(neuron.params.get("bias_exp", 0))


def _rectifies(program: Program, name: str) -> bool:
    return NEURON_MODELS[program.neuron(name).model].spiking


def _tally(tally: _Tally, sent: Array, fan: Array) -> None:
    """Products of this pass; those of a sample whose values are all 0 or 1 are additions."""
    mask = sent != 0
    products = (mask * fan).reshape(len(sent), -1).sum(axis=1)
    spikes = np.isin(sent, (0, 1)).reshape(len(sent), -1).all(axis=1)
    tally.calls += 1
    tally.nonzero += int(mask.sum())
    tally.binary += int(products[spikes].sum())
    tally.graded += int(products[~spikes].sum())


def _link(program: Program, synapse: Synapse, tally: _Tally, batch: int, passes: int) -> LayerCount:
    dense = int(fan_out(program, synapse, non_zero=False).sum())
    weights = int(synapse.weight_values.size)
    shapes = program.shapes
    return LayerCount(
        name=synapse.name,
        op="conv" if synapse.kind.startswith("conv") else "linear",
        calls=passes,
        shape=shapes[synapse.target],
        parameters=weights,
        weight_bytes=weights,
        inputs=int(np.prod(shapes[synapse.source])) * batch * passes,
        outputs=int(np.prod(shapes[synapse.target])) * batch * passes,
        spikes_in=tally.nonzero,
        dense_macs=dense * batch * passes,
        effective=ByValue(binary=tally.binary, graded=tally.graded),
    )


def _cell(program: Program, name: str, runs: int) -> LayerCount:
    """Bias and rectifier of a population."""
    neuron = program.neuron(name)
    biased = bool(np.any(np.asarray(neuron.params.get("bias", 0))))
    elements = neuron.size * runs
    return LayerCount(
        name=name,
        op="activation",
        shape=neuron.shape,
        parameters=neuron.size if biased else 0,
        outputs=elements,
        bias_adds=elements if biased else 0,
        compares=elements if _rectifies(program, name) else 0,
    )
