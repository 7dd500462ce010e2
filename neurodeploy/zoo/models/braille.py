"""Braille letters under a fingertip with recurrent CubaLIF neurons, one step per 25 ms.

    events of 12 taxels (T, B, 24) -> Linear -> Synaptic, recurrent -> Linear -> Leaky, no reset

The hidden layer is what Loihi's own neuron is, with a time constant and threshold per neuron:

    i[t] = alpha i[t-1] + W x[t] + V s[t-1]
    v[t] = beta v[t-1] + i[t];  s[t] = v[t] > threshold;  v[t] = 0 where it fired

snnTorch's RSynaptic cannot reset in the step of the spike, so the recurrent layer V stands beside a
Synaptic that can. No layer has a bias. The class is the read-out membrane with the largest sum
over time (zoo/data/sequences.py:decide). Weights: exports/braille.safetensors; the recipe that made
them: neurodeploy/zoo/train/braille.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import snntorch
import torch
from snntorch import surrogate
from torch import Tensor, nn


@dataclass(frozen=True)
class BrailleConfig:
    """The network's shape and the values that learning starts from."""

    channels: int = 24  # input events per step: 12 taxels, rises and falls
    hidden: int = 64  # neurons of the recurrent layer
    classes: int = 27  # letters and the blank
    alpha: float = 0.7  # initial decay of the current per step (tau 83 ms)
    beta: float = 0.9  # initial decay of the membrane per step (tau 250 ms)
    threshold: float = 1.0  # initial spike threshold
    beta_out: float = 0.95  # decay of the read-out (tau 0.5 s; not learned)
    gain_in: float = 1.35  # initial standard deviation of W, times sqrt(channels) / (1 - alpha)
    gain_recurrent: float = 0.5  # likewise of V, times sqrt(hidden) / (1 - alpha)
    slope: float = 5.0  # steepness of the fast-sigmoid surrogate gradient (training only)


class Braille(nn.Module):
    """Classifier of one slide over a letter; state is zero before the first step."""

    def __init__(self, config: BrailleConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or BrailleConfig()
        each = torch.ones(c.hidden)
        self.fc1 = nn.Linear(c.channels, c.hidden, bias=False)
        self.recurrent = nn.Linear(c.hidden, c.hidden, bias=False)
        self.lif = snntorch.Synaptic(
            alpha=c.alpha * each,
            beta=c.beta * each,
            threshold=c.threshold * each,
            learn_alpha=True,
            learn_beta=True,
            learn_threshold=True,
            reset_mechanism="zero",
            reset_delay=False,
            spike_grad=surrogate.fast_sigmoid(slope=c.slope),
        )
        self.fc2 = nn.Linear(c.hidden, c.classes, bias=False)
        self.readout = snntorch.Leaky(beta=c.beta_out, reset_mechanism="none")
        with torch.no_grad():
            arriving = 1.0 - c.alpha  # a current that lasts longer starts with smaller weights
            self.fc1.weight.normal_(0.0, c.gain_in * arriving / math.sqrt(c.channels))
            self.recurrent.weight.normal_(0.0, c.gain_recurrent * arriving / math.sqrt(c.hidden))

    def forward(self, x: Tensor) -> Tensor:
        """(T, B, channels) events -> (T, B, classes) membranes of the read-out."""
        current, membrane = self.lif.init_synaptic()
        spikes = x.new_zeros(x.size(1), self.config.hidden)
        evidence = self.readout.init_leaky()
        steps = []
        for step in range(x.size(0)):
            drive = self.fc1(x[step]) + self.recurrent(spikes)  # (B, hidden)
            spikes, current, membrane = self.lif(drive, current, membrane)
            _, evidence = self.readout(self.fc2(spikes), evidence)  # (B, classes)
            steps.append(evidence)
        return torch.stack(steps)


def braille() -> Braille:
    """The network, untrained."""
    return Braille()
