"""Spoken digits with one recurrent spiking layer, one step per 10 ms of audio.

    events of 32 mel bands (T, B, 64) -> Linear -> RSynaptic, recurrent -> Linear -> Leaky, no reset

Every neuron of the hidden layer learns its own time constants and threshold:

    i[t] = alpha i[t-1] + W x[t] + V s[t-1]
    v[t] = beta v[t-1] + i[t] - threshold s[t-1]
    s[t] = v[t] > threshold

No layer has a bias, so that silence costs nothing. The class is the read-out membrane with the
largest sum over time (zoo/data/sequences.py:decide). Weights: exports/digits.safetensors; the
recipe that made them: neurodeploy/zoo/train/digits.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import snntorch
import torch
from snntorch import surrogate
from torch import Tensor, nn


@dataclass(frozen=True)
class DigitsConfig:
    """The network's shape and the values that learning starts from."""

    channels: int = 64  # input events per step: 32 bands, rises and falls
    hidden: int = 128  # neurons of the recurrent layer
    classes: int = 10  # digits
    alpha: float = 0.7  # initial decay of the current per step (tau 33 ms)
    beta: float = 0.9  # initial decay of the membrane per step (tau 100 ms)
    threshold: float = 1.0  # initial spike threshold
    beta_out: float = 0.95  # decay of the read-out (tau 200 ms; not learned)
    gain_in: float = 1.35  # initial standard deviation of W, times sqrt(channels) / (1 - alpha)
    gain_recurrent: float = 0.5  # likewise of V, times sqrt(hidden) / (1 - alpha)
    slope: float = 5.0  # steepness of the fast-sigmoid surrogate gradient (training only)


class Digits(nn.Module):
    """Classifier of one word; state is zero before the first step."""

    def __init__(self, config: DigitsConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or DigitsConfig()
        each = torch.ones(c.hidden)
        self.fc1 = nn.Linear(c.channels, c.hidden, bias=False)
        self.lif = snntorch.RSynaptic(
            alpha=c.alpha * each,
            beta=c.beta * each,
            threshold=c.threshold * each,
            linear_features=c.hidden,
            learn_alpha=True,
            learn_beta=True,
            learn_threshold=True,
            reset_mechanism="subtract",
            spike_grad=surrogate.fast_sigmoid(slope=c.slope),
        )
        self.fc2 = nn.Linear(c.hidden, c.classes, bias=False)
        self.readout = snntorch.Leaky(beta=c.beta_out, reset_mechanism="none")
        with torch.no_grad():
            arriving = 1.0 - c.alpha  # a current that lasts longer starts with smaller weights
            self.fc1.weight.normal_(0.0, c.gain_in * arriving / math.sqrt(c.channels))
            recurrent = self.lif.recurrent
            recurrent.weight.normal_(0.0, c.gain_recurrent * arriving / math.sqrt(c.hidden))
            recurrent.bias.zero_().requires_grad_(False)  # RSynaptic has no way to leave it out

    def forward(self, x: Tensor) -> Tensor:
        """(T, B, channels) events -> (T, B, classes) membranes of the read-out."""
        spikes, current, membrane = self.lif.init_rsynaptic()
        evidence = self.readout.init_leaky()
        steps = []
        for step in range(x.size(0)):
            spikes, current, membrane = self.lif(self.fc1(x[step]), spikes, current, membrane)
            _, evidence = self.readout(self.fc2(spikes), evidence)  # (B, classes)
            steps.append(evidence)
        return torch.stack(steps)


def digits() -> Digits:
    """The network, untrained."""
    return Digits()
