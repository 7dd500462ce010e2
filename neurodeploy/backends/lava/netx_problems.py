"""What lava-dl's netx format, and its loader, cannot say of a Program."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from neurodeploy.backends.lava.netx_layers import Layer, layers, merged, sequence_problems
from neurodeploy.errors import Diagnostic
from neurodeploy.ir.arithmetic import BIAS_MANTISSA_MAX
from neurodeploy.ir.netx_weights import folded, survives_loading
from neurodeploy.ir.program import Neuron, Port, Program, Synapse

Array = np.ndarray[Any, np.dtype[Any]]
NETX_BIAS_EXP = 6
NETX_MAX_DELAY = 62
EXPONENTS = {"spike_exp": 6, "state_exp": 6}


def netx_problems(program: Program) -> list[Diagnostic]:
    """Why netx cannot say the Program; empty if it can."""
    problems = list(sequence_problems(program))
    if problems:
        return problems
    found = layers(program)
    for layer in found:
        problems += _neuron_problems(program, layer, last=layer is found[-1])
        problems += _image_problems(layer) if layer.kind == "conv" else _dense_problems(layer)
    if found[0].kind == "input":
        problems += _input_problems(program.inputs[0], found[0].neuron)
    for layer, following in pairwise(found):
        if following.kind == "conv" and layer.kind not in ("conv", "input"):
            detail = "a convolution cannot follow a dense layer"
            problems.append(Diagnostic(_where(following.forward[0]), "netx-order", detail))
    return problems


def bias_mantissa(neuron: Neuron) -> Array | None:
    """The bias as the integers of the file, shape of the population, or None."""
    if "bias" not in neuron.params:
        return np.zeros(neuron.shape, dtype=np.int64)
    bias = np.broadcast_to(np.asarray(neuron.params["bias"], dtype=np.int64), neuron.shape)
    if "bias_exp" not in neuron.params:
        return bias
    effective = bias << int(neuron.params["bias_exp"])
    mantissa = effective >> NETX_BIAS_EXP
    fits = mantissa.min() >= -BIAS_MANTISSA_MAX - 1 and mantissa.max() <= BIAS_MANTISSA_MAX
    return mantissa if fits and np.array_equal(mantissa << NETX_BIAS_EXP, effective) else None


def _where(synapse: Synapse) -> str:
    return f"synapse {synapse.name}"


def _neuron_problems(program: Program, layer: Layer, *, last: bool) -> Iterator[Diagnostic]:
    neuron = layer.neuron
    where = f"neuron {neuron.name}"
    spoken = {"cuba_lif", "sigma_delta", "sigma"}
    spoken |= {"integrator"} if last else set()
    spoken |= {"delta"} if layer.kind == "input" else set()
    if neuron.model not in spoken or (layer.kind == "input" and neuron.model.startswith("sigma")):
        detail = f"{neuron.model} has no form in netx here: {', '.join(sorted(spoken))} have"
        yield Diagnostic(where, "netx-neuron", detail)
        return
    if np.any(np.asarray(neuron.params.get("v_init", 0)) != 0):
        yield Diagnostic(where, "netx-v-init", "netx starts every membrane at 0")
    for key in ("du", "dv", "vth"):
        if np.ndim(neuron.params.get(key, 0)):
            values = np.asarray(neuron.params[key])
            detail = f"{key} ranges {values.min()}..{values.max()}, netx has one for a layer"
            yield Diagnostic(where, "netx-uniform", detail, "train one value per layer")
    if bias_mantissa(neuron) is None:
        detail = f"the bias is no 13-bit mantissa << {NETX_BIAS_EXP}"
        yield Diagnostic(where, "netx-bias", detail)
    for key, value in EXPONENTS.items():
        if int(neuron.params.get(key, value)) != value:
            detail = f"{key} {neuron.params[key]}, lava-dl's loader takes {value}"
            yield Diagnostic(where, "netx-exponent", detail)
    source = layer.forward[0].source
    if layer.back and neuron.model == "sigma_delta" and not program.is_graded(source):
        detail = f"{source} sends spikes: lava-dl would take the graded feedback for spikes, too"
        yield Diagnostic(where, "netx-messages", detail)


def _input_problems(port: Port, neuron: Neuron) -> Iterator[Diagnostic]:
    if port.scale != np.rint(port.scale) or not 1 <= port.scale < 1 << 31:
        detail = f"scale {port.scale:g}: an input layer's weight is a whole number"
        yield Diagnostic(f"input {port.name}", "netx-input", detail)
    bias = bias_mantissa(neuron)
    if bias is not None and np.ptp(bias) > 0:
        detail = "an input layer has one bias for all its neurons"
        yield Diagnostic(f"neuron {neuron.name}", "netx-bias", detail)


def _image_problems(layer: Layer) -> Iterator[Diagnostic]:
    where = _where(layer.forward[0])
    if len(layer.forward) > 1:
        yield Diagnostic(where, "netx-parallel", "a convolution has one synapse in netx")
    elif layer.forward[0].delay != 1:
        detail = f"delay {layer.forward[0].delay}: lava-dl's loader ignores a convolution's"
        yield Diagnostic(where, "netx-delay", detail)
    if layer.back:
        detail = "a recurrent layer is dense and without delay"
        yield Diagnostic(_where(layer.back), "netx-recurrent", detail)
    for synapse in layer.forward:
        if folded(synapse) is None:
            yield _beyond(synapse)


def _dense_problems(layer: Layer) -> Iterator[Diagnostic]:
    for synapse in layer.synapses:
        if synapse.delay - 1 > NETX_MAX_DELAY:
            detail = f"delay {synapse.delay}, netx holds 1 to {NETX_MAX_DELAY + 1}"
            yield Diagnostic(_where(synapse), "netx-delay", detail)
        if layer.back is not None and synapse.delay != 1:
            detail = "a recurrent layer is dense and without delay"
            yield Diagnostic(_where(synapse), "netx-recurrent", detail)
    beyond = [s for s in layer.synapses if folded(s) is None]
    if beyond:
        yield from map(_beyond, beyond)
        return
    found = merged(layer)
    if found is None:
        detail = "several synapses hold the same connection, netx has one weight for it"
        yield Diagnostic(_where(layer.forward[0]), "netx-parallel", detail)
        return
    parts = [found[0]] + ([_folded(layer.back)] if layer.back else [])
    if layer.kind != "input" and not survives_loading(parts):
        detail = "the loader's choice of weight bits and exponent would change the weights"
        yield Diagnostic(_where(layer.forward[0]), "netx-weights", detail)


def _folded(synapse: Synapse) -> Array:
    weights = folded(synapse)
    assert weights is not None
    return weights


def _beyond(synapse: Synapse) -> Diagnostic:
    detail = f"weights << {synapse.weight_exp} do not stay within [-256, 254]"
    return Diagnostic(_where(synapse), "netx-weight-exp", detail)
