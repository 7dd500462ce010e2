"""Operations of an enhancer in torch, frame by frame as a stream would make them.

A `CountRecord`, whose synaptic operations and updates are the N-DNS challenge's SynOPs and
NeuronOPs: messages that are not zero times their fan-out, and neurons and modes in all frames.

    linear        inputs that are not zero times outputs; of the sigma-delta baseline what changed,
                  not what is held
    state spaces  as a Program has them (ir.neurons.s4d): a connection from a channel to each of its
                  modes, the modes' update, a connection from each back, and D
    neurons       all in every frame; of the baseline all but the read-out, as in the challenge
    beside them   layer norms, gates and shortcuts, which are no events and cost energy

`spiking_s4_loihi` has neurons with a state: its Program on the `cpu` backend counts its events
exactly (`neurodeploy enhance`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from neurodeploy.bench.counting.arithmetic import ACTIVATIONS, COMPARE, NORM, Arithmetic
from neurodeploy.bench.counting.convention import DEFAULT
from neurodeploy.bench.counting.record import ByValue, CountRecord, LayerCount
from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.models.masking import MaskEnhancer
from neurodeploy.zoo.models.plif import Plif
from neurodeploy.zoo.models.s4d import S4D
from neurodeploy.zoo.models.sdnn_baseline import SdnnBaseline, messages
from neurodeploy.zoo.models.spiking_s4 import Layer
from neurodeploy.zoo.models.spiking_s4_loihi import SpikingS4Loihi

Rows = Iterator[LayerCount]
BOUNDARY = "an enhancer's network between the transforms, frame by frame"
DELTA = Arithmetic(adds=1, compares=1)  # a - h against theta
SIGMA_DELTA = Arithmetic(adds=2, compares=2)  # and the sum before, and the rectifier
SHORTCUTS = Arithmetic(adds=2)  # of a layer of Spiking-S4, the inner and the outer one


@torch.no_grad()
def count_enhancer(model: MaskEnhancer, audio: Audio) -> CountRecord:
    """Of a recording (samples,) at 16 kHz; ConfigError for a network with stateful neurons."""
    network = model.network
    if isinstance(network, SpikingS4Loihi):
        detail = "has neurons with a state, which a run of its Program counts"
        raise ConfigError(Diagnostic("spiking_s4_loihi", "counting", detail))
    spectrum = model.stft.analysis(torch.from_numpy(audio[None]))
    features = model.features(spectrum.abs())
    rows = (
        _baseline(network, features)
        if isinstance(network, SdnnBaseline)
        else _hooked(network, features)
    )
    return CountRecord(DEFAULT, 1, features.shape[1], BOUNDARY, tuple(rows))


def populations(record: CountRecord) -> dict[str, str]:
    """The layer of each row: connections that follow each other and what comes after them."""
    layers: dict[str, str] = {}
    last, inside = "", True  # inside: the last row was no connection
    for row in record.layers:
        if row.dense_macs and inside:
            last = row.name
        inside = not row.dense_macs
        layers[row.name] = last or row.name
    return layers


def _link(name: str, x: Tensor, inputs: int, outputs: int, fan_out: int, sent: int) -> LayerCount:
    """A layer of weights: `sent` of its inputs in all frames, each to fan_out of its outputs."""
    frames, products = x.shape[1], sent * fan_out
    binary = bool(((x == 0) | (x == 1)).all())
    return LayerCount(
        name,
        "linear",
        calls=1,
        shape=(outputs,),
        parameters=inputs * fan_out,
        inputs=inputs * frames,
        outputs=outputs * frames,
        spikes_in=sent,
        dense_macs=inputs * fan_out * frames,
        effective=ByValue(binary=products) if binary else ByValue(graded=products),
    )


def _cell(
    name: str, op: str, frames: int, size: int, each: Arithmetic, updates: int = 0, spikes: int = 0
) -> LayerCount:
    """Neurons, or what else stands beside the weights; updates: a frame."""
    elements = frames * size
    return LayerCount(
        name,
        op,
        calls=1,
        shape=(size,),
        outputs=elements,
        spikes_out=spikes,
        multiplies=elements * each.multiplies,
        adds=elements * each.adds,
        compares=elements * each.compares,
        functions=elements * each.functions,
        updates=frames * updates,
        state_reads=frames * updates,
        state_writes=frames * updates,
    )


def _linear(name: str, module: nn.Linear, x: Tensor, y: Tensor) -> Rows:
    sizes = (module.in_features, module.out_features, module.out_features)
    row = _link(name, x, *sizes, int((x != 0).sum()))
    biased = module.bias is not None
    yield replace(row, bias_adds=row.outputs) if biased else row


def _state_spaces(name: str, module: S4D, x: Tensor, y: Tensor) -> Rows:
    channels, modes = module.log_decay.shape
    frames, size = x.shape[1], channels * modes
    sent = int((x != 0).sum())
    yield _link(f"{name} in", x, channels, size, modes, sent)
    cost = NEURON_MODELS["s4d"].cost({"a_im": 1, "c_im": 1})
    yield _cell(name, "neuron", frames, size, Arithmetic(cost.multiplies, cost.adds), size)
    yield _link(f"{name} out", y, size, channels, 1, size * frames)
    yield _link(f"{name} D", x, channels, channels, 1, sent)


def _neurons(each: Arithmetic) -> Callable[..., Rows]:
    def rows(name: str, module: nn.Module, x: Tensor, y: Tensor) -> Rows:
        size, sent = y.shape[-1], int((y != 0).sum())
        yield _cell(name, "activation", y.shape[1], size, each, size, sent)

    return rows


def _beside(op: str, each: Arithmetic) -> Callable[..., Rows]:
    def rows(name: str, module: nn.Module, x: Tensor, y: Tensor) -> Rows:
        yield _cell(f"{name} {op}", op, y.shape[1], y.shape[-1], each)

    return rows


COUNTED: dict[type, Callable[..., Rows]] = {
    nn.Linear: _linear,
    S4D: _state_spaces,
    Plif: _neurons(COMPARE),  # its gain folds into the weights before
    nn.ReLU: _neurons(COMPARE),
    nn.GELU: _neurons(ACTIVATIONS["gelu"]),
    nn.GLU: _beside("gate", ACTIVATIONS["glu"]),
    nn.LayerNorm: _beside("norm", NORM),
    Layer: _beside("shortcuts", SHORTCUTS),
}


def _hooked(network: nn.Module, features: Tensor) -> list[LayerCount]:
    rows: list[LayerCount] = []

    def counting(name: str, count: Callable[..., Rows]) -> Any:
        return lambda module, x, y: rows.extend(count(name, module, x[0], y))

    handles = [
        module.register_forward_hook(counting(name, COUNTED[type(module)]))
        for name, module in network.named_modules()
        if type(module) in COUNTED
    ]
    try:
        network(features)
    finally:
        for handle in handles:
            handle.remove()
    return rows


def _baseline(network: SdnnBaseline, features: Tensor) -> Rows:
    for number, held in enumerate(network.activities(features)):
        outputs, inputs = network.weight(number).shape
        sent = int(messages(held).sum())
        each = SIGMA_DELTA if number else DELTA
        yield _cell(f"delta{number}", "neuron", held.shape[1], inputs, each, inputs, sent)
        yield _link(f"layers.{number}", held, inputs, outputs, outputs, sent)
