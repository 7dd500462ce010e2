"""Networks that neurobench supports, and what neurobench itself says of them."""

from __future__ import annotations

from typing import Any

import snntorch as snn
import torch
from neurobench.metrics.static import ConnectionSparsity, Footprint, ParameterCount
from neurobench.metrics.workload import (
    ActivationSparsity,
    MembraneUpdates,
    NeuronOperations,
    SynapticOperations,
)
from neurobench.models import SNNTorchModel, TorchModel
from torch import nn

STEPS = 5
WORKLOAD = (ActivationSparsity, SynapticOperations, MembraneUpdates, NeuronOperations)


def leaky(output: bool = False, kind: Any = snn.Leaky, **options: Any) -> nn.Module:
    return kind(beta=0.8, init_hidden=True, output=output, **options)


def pruned(net: nn.Module, share: float = 0.4) -> nn.Module:
    for parameter in net.parameters():
        if parameter.dim() > 1:
            parameter.data *= torch.rand_like(parameter) > share
    return net


class OverSteps(nn.Module):
    """A recurrent cell over `(B, T, N)`, its states passed from step to step."""

    def __init__(self, cell: nn.Module, classes: int = 3) -> None:
        super().__init__()
        self.cell = cell
        self.relu = nn.ReLU()
        self.readout = nn.Linear(cell.hidden_size, classes)

    def forward(self, x):
        shape = (len(x), self.cell.hidden_size)
        h, c = (torch.full(shape, 0.1) for _ in "hc")
        for step in x.unbind(1):
            if isinstance(self.cell, nn.LSTMCell):
                h, c = self.cell(step, (h, c))
            else:
                h = self.cell(step, h)
        return self.readout(self.relu(h))


def convolutions(*tail: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1),
        tail[0],
        nn.Conv2d(8, 12, 3, stride=2, groups=4),
        tail[1],
        nn.Flatten(),
        nn.Linear(12 * 3 * 3, 5),
        tail[2],
    )


def waves(*tail: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(2, 6, 5, stride=2, padding=2, dilation=1),
        tail[0],
        nn.Conv1d(6, 8, 3, dilation=2),
        tail[1],
        nn.Flatten(),
        nn.Linear(8 * 6, 4),
        tail[2],
    )


def spikes(*shape: int) -> torch.Tensor:
    return (torch.rand(6, STEPS, *shape) < 0.3).float()


def models() -> dict[str, tuple[Any, torch.Tensor]]:
    """Name: the model as neurobench wraps it, and one batch of data."""
    torch.manual_seed(0)
    relus = [nn.ReLU() for _ in range(8)]
    synaptic = {"kind": snn.Synaptic, "alpha": 0.7, "reset_mechanism": "zero"}
    recurrent = {"kind": snn.RLeaky, "linear_features": 9}
    return {
        "mlp": (TorchModel(nn.Sequential(nn.Linear(7, 9), relus[0], nn.Linear(9, 3))), rand(7)),
        "mlp, pruned": (
            TorchModel(pruned(nn.Sequential(nn.Linear(7, 9), relus[1], nn.Linear(9, 3)))),
            rand(7),
        ),
        "mlp snn": (
            SNNTorchModel(nn.Sequential(nn.Linear(7, 9), leaky(), nn.Linear(9, 3), leaky(True))),
            spikes(7),
        ),
        "conv2d": (TorchModel(convolutions(*relus[2:5])), rand(4, 8, 8)),
        "conv2d snn": (SNNTorchModel(convolutions(leaky(), leaky(), leaky(True))), spikes(4, 8, 8)),
        "conv1d": (TorchModel(pruned(waves(*relus[5:8]))), rand(2, 20)),
        "conv1d snn, pruned": (
            SNNTorchModel(pruned(waves(leaky(**synaptic), leaky(), leaky(True)))),
            spikes(2, 20),
        ),
        "conv3d": (
            TorchModel(nn.Sequential(nn.Conv3d(2, 3, 2, padding=1), nn.Sigmoid(), nn.Flatten())),
            rand(2, 3, 4, 5),
        ),
        "rnn cell": (TorchModel(OverSteps(nn.RNNCell(7, 6))), rand(STEPS, 7)),
        "lstm cell": (TorchModel(OverSteps(nn.LSTMCell(7, 6))), rand(STEPS, 7)),
        "gru cell": (TorchModel(OverSteps(nn.GRUCell(7, 6))), rand(STEPS, 7)),
        "recurrent snn": (
            SNNTorchModel(nn.Sequential(nn.Linear(7, 9), leaky(True, **recurrent))),
            spikes(7),
        ),
        "subtract, analog input": (
            SNNTorchModel(nn.Sequential(nn.Linear(7, 9), leaky(True, reset_mechanism="subtract"))),
            torch.rand(6, STEPS, 7),
        ),
    }


def rand(*shape: int) -> torch.Tensor:
    return torch.randn(6, *shape) * (torch.rand(6, *shape) < 0.7)


def theirs(model: Any, batches: list[torch.Tensor]) -> dict[str, Any]:
    """What neurobench's own metrics return for these batches; an exception where one raises."""
    found: dict[str, Any] = {}
    metrics = {kind.__name__: kind() for kind in WORKLOAD}
    # snnTorch resets every neuron that was ever made, those of other tests without a state, too
    neurons = [m for m in model.__net__().modules() if isinstance(m, snn.SpikingNeuron)]
    snn.SpikingNeuron.instances = neurons
    model.register_hooks()
    try:
        for batch in batches:
            predictions = model(batch)
            for name, metric in metrics.items():
                try:
                    found[name] = metric(model, predictions, (batch, None))
                except Exception as error:
                    found[name] = error
            model.reset_hooks()
    finally:
        model.cleanup_hooks()
    for kind in (ConnectionSparsity, Footprint, ParameterCount):
        try:
            found[kind.__name__] = kind()(model)
        except Exception as error:
            found[kind.__name__] = error
    return found
