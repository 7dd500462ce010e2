"""What the chip's integers cannot hold: found before rounding, or seen after it."""

from __future__ import annotations

import numpy as np

from neurodeploy.errors import Diagnostic, QuantizationError
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.neurons.s4d import FRACTION_BITS
from neurodeploy.ir.program import Neuron, Program, Synapse
from neurodeploy.passes.quantize.options import Options
from neurodeploy.passes.quantize.weights import signs_of


def check_program(program: Program, options: Options) -> None:
    problems = []
    for synapse in program.synapses:
        if options.bits_of(synapse) == 1 and signs_of(synapse.weight_values) == 2:
            detail = "1 bit holds no sign, and the weights have both"
            where = f"synapse {synapse.name}"
            problems.append(Diagnostic(where, "weight-bits", detail, "give it 2 bits or more"))
        problems += _graded_source(program, synapse)
    for neuron in program.neurons:
        if np.min(neuron.params.get("vth", 0.0)) < 0:
            detail = f"vth = {np.min(neuron.params['vth']):g} is negative, its mantissa unsigned"
            hint = "a neuron with memory has to have its v_threshold above its v_reset"
            problems.append(Diagnostic(f"neuron {neuron.name}", "vth", detail, hint))
        if neuron.model == "s4d":
            largest = float(np.abs(neuron.params["a_re"] + 1j * neuron.params["a_im"]).max())
            if largest >= 1 - 2.0**-FRACTION_BITS:
                detail = f"|a| = {largest:.9g}: a state that does not decay grows by its rounding"
                problems.append(Diagnostic(f"neuron {neuron.name}", "s4d-decay", detail))
    if problems:
        raise QuantizationError(problems)


def _graded_source(program: Program, synapse: Synapse) -> list[Diagnostic]:
    """A membrane of 24 bits leaves no room for a weight; what s4d sends has a scale of its own,
    which has to be known before that of what it leads to."""
    source, where = synapse.source, f"synapse {synapse.name}"
    if source in {p.name for p in program.inputs} or not program.is_graded(source):
        return []
    if NEURON_MODELS[program.neuron(source).model].sends == "v":
        detail = f"{source} is a read-out membrane and feeds {synapse.target}"
        hint = "lower it from a graph, or make it a model that sends y"
        return [Diagnostic(where, "graded-source", detail, hint)]
    if program.order.index(source) >= program.order.index(synapse.target):
        detail = f"{source} sends values and feeds back to {synapse.target}"
        hint = "put a neuron that spikes into the loop"
        return [Diagnostic(where, "graded-feedback", detail, hint)]
    return []


def vanished(
    real: Neuron, fixed: Neuron, before: tuple[Synapse, ...], after: tuple[Synapse, ...]
) -> list[Diagnostic]:
    """What rounding leaves nothing of: a threshold, or all weights that lead to a population."""
    where = f"neuron {real.name}"
    hint = "the states are too large beside it: lower the weights or the margin"
    problems = [
        Diagnostic(where, "rounds-to-zero", f"{key} = {np.max(real.params[key]):g}", hint)
        for key in ("vth", "subtract")
        if np.any((np.asarray(real.params.get(key, 0.0)) > 0) & (fixed.params.get(key, 1) == 0))
    ]
    given, left = (any(np.any(s.weight_values) for s in group) for group in (before, after))
    if given and not left:
        problems.append(Diagnostic(where, "rounds-to-zero", "every weight that leads to it", hint))
    return problems
