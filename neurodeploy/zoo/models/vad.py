"""Voice activity detection with a small spiking network, one step per 10 ms of audio.

    log-mel (T, B, 40) -> Linear -> Leaky -> Linear -> Leaky -> Linear -> Leaky without reset

The last membrane is the read-out: a leaky average of evidence, whose value after each step is the
logit of "someone is speaking". Inputs are analog (graded integers of 6 bits on a chip), everything
between the layers is binary spikes. Two variants differ in how a spike resets the membrane:

    subtract  v[t] = beta v[t-1] + i[t] - threshold s[t-1]     snnTorch's default
    zero      v[t] = (1 - s[t-1]) beta v[t-1] + i[t]           what Loihi's own LIF does

Weights: exports/vad.safetensors and exports/vad_zero.safetensors; the recipe that made them:
neurodeploy/zoo/train/vad.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import snntorch
import torch
from snntorch import surrogate
from torch import Tensor, nn

DT = 0.01  # seconds per network step: the hop of the log-mel features


@dataclass(frozen=True)
class VadConfig:
    """The network's shape and neuron constants."""

    n_mels: int = 40  # input features per step
    hidden1: int = 96  # neurons of the first spiking layer: spectral patterns
    hidden2: int = 64  # neurons of the second spiking layer: patterns over time
    beta1: float = 0.5  # membrane decay per step of layer 1 (tau 20 ms; not learned)
    beta2: float = 0.9  # of layer 2 (tau 100 ms); learned decays drift to 1 and train badly
    beta_out: float = 0.95  # of the read-out (tau 200 ms)
    threshold: float = 1.0  # spike threshold of both hidden layers (not learned)
    reset_mechanism: str = "subtract"  # "subtract" or "zero", of both hidden layers
    gain1: float = 3.0  # initial weights of layer 1 as a multiple of PyTorch's default
    gain2: float = 2.0  # likewise layer 2: with the default hardly a neuron would fire at first
    centre: float = 0.33  # mean feature, which the initial biases of layer 1 take off
    slope: float = 2.5  # steepness of the fast-sigmoid surrogate gradient (training only)


class Vad(nn.Module):
    """Frame-wise speech detector; state is zero before the first step."""

    def __init__(self, config: VadConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or VadConfig()
        gradient = surrogate.fast_sigmoid(slope=c.slope)
        self.fc1 = nn.Linear(c.n_mels, c.hidden1)
        self.lif1 = snntorch.Leaky(
            beta=c.beta1,
            threshold=c.threshold,
            reset_mechanism=c.reset_mechanism,
            spike_grad=gradient,
        )
        self.fc2 = nn.Linear(c.hidden1, c.hidden2)
        self.lif2 = snntorch.Leaky(
            beta=c.beta2,
            threshold=c.threshold,
            reset_mechanism=c.reset_mechanism,
            spike_grad=gradient,
        )
        self.fc3 = nn.Linear(c.hidden2, 1)
        with torch.no_grad():
            self.fc1.weight *= c.gain1
            self.fc1.bias.sub_(c.centre * self.fc1.weight.sum(dim=1))
            self.fc2.weight *= c.gain2
        self.readout = snntorch.Leaky(beta=c.beta_out, reset_mechanism="none")

    def forward(self, x: Tensor) -> Tensor:
        """(T, B, n_mels) features -> (T, B, 1) membrane of the read-out: logit of speech."""
        mem1 = self.lif1.init_leaky()
        mem2 = self.lif2.init_leaky()
        mem3 = self.readout.init_leaky()
        logits = []
        for step in range(x.size(0)):
            spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)  # (B, hidden1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)  # (B, hidden2)
            _, mem3 = self.readout(self.fc3(spk2), mem3)  # (B, 1)
            logits.append(mem3)
        return torch.stack(logits)


def vad() -> Vad:
    """The network with snnTorch's default reset by subtraction, untrained."""
    return Vad(VadConfig(reset_mechanism="subtract"))


def vad_zero() -> Vad:
    """The network with reset to zero, untrained."""
    return Vad(VadConfig(reset_mechanism="zero"))


VARIANTS = {"vad": vad, "vad_zero": vad_zero}
