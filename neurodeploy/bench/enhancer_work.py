"""Events of an enhancer in torch as the N-DNS challenge counts them, per frame.

    SynOPs     messages that are not zero times their fan-out. Linear layers: inputs that are not
               zero times outputs; of the sigma-delta baseline what changed, not what is held.
               State spaces: inputs times modes, every mode once to its channel, and D
    NeuronOPs  neurons and modes, all in every frame; of the baseline all but the read-out, as there

`spiking_s4_loihi` has neurons with a state: its Program on the `cpu` backend counts its events
exactly (`neurodeploy enhance`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.models.masking import MaskEnhancer
from neurodeploy.zoo.models.plif import Plif
from neurodeploy.zoo.models.s4d import S4D
from neurodeploy.zoo.models.sdnn_baseline import SdnnBaseline, messages
from neurodeploy.zoo.models.spiking_s4_loihi import SpikingS4Loihi


@dataclass(frozen=True)
class FrameWork:
    """Means per frame."""

    synaptic_operations: float
    neuron_updates: float


@torch.no_grad()
def frame_work(model: MaskEnhancer, audio: Audio) -> FrameWork:
    """Of a recording (samples,) at 16 kHz; ConfigError for a network with stateful neurons."""
    if isinstance(model.network, SpikingS4Loihi):
        detail = "has neurons with a state, which a run of its Program counts"
        raise ConfigError(Diagnostic("spiking_s4_loihi", "counting", detail))
    spectrum = model.stft.analysis(torch.from_numpy(audio[None]))
    features = model.features(spectrum.abs())
    network = model.network
    if isinstance(network, SdnnBaseline):
        held = network.activities(features)
        sent = [float(messages(h).double().mean()) for h in held]
        fan_outs = [network.weight(number).shape[0] for number in range(len(network.layers))]
        operations = sum(m * f for m, f in zip(sent, fan_outs, strict=True))
        return FrameWork(operations, sum(h.shape[-1] for h in held))
    return _hooked(network, features)


def _hooked(network: nn.Module, features: Tensor) -> FrameWork:
    frames = features.shape[1]
    totals = {"operations": 0.0, "neurons": 0.0}

    def linear(module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        totals["operations"] += float((inputs[0] != 0).sum()) * module.out_features

    def modes(module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        size = module.log_decay.numel()
        per_channel = module.log_decay.shape[1]
        totals["operations"] += float((inputs[0] != 0).sum()) * (per_channel + 1) + size * frames
        totals["neurons"] += size

    def neurons(module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        totals["neurons"] += output.shape[-1]

    hooks = {nn.Linear: linear, S4D: modes, Plif: neurons, nn.ReLU: neurons, nn.GELU: neurons}
    handles = [
        m.register_forward_hook(hooks[type(m)]) for m in network.modules() if type(m) in hooks
    ]
    try:
        network(features)
    finally:
        for handle in handles:
            handle.remove()
    return FrameWork(totals["operations"] / frames, totals["neurons"])
