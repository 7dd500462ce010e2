"""S4D-Lin: one diagonal state space a channel, as a convolution and as a recurrence.

    x' = A x + B u,  y = 2 Re(C x) + D u,  B = 1,  A_n = -1/2 + i pi n at the start
    zero-order hold with the learned step d:  a = exp(d A),  b = (a - 1) / A

A mode stands for a conjugate pair: N / 2 of them make a state of size N.
Source: Gu et al. 2022, "On the Parameterization and Initialization of Diagonal State Space Models"
(arXiv:2206.11893).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

STEP = (0.001, 0.1)  # d at the start, log-uniform


class Recurrence(NamedTuple):
    """A stream in progress: its state, and what is the same in all frames."""

    z: Tensor  # complex (B, channels, modes)
    factor: Tensor  # a, complex (channels, modes)
    readout: Tensor  # 2 C b, likewise


class S4D(nn.Module):
    """`channels` independent state spaces; parameters 2 + 2 N a channel."""

    def __init__(self, channels: int, state: int = 64) -> None:
        super().__init__()
        modes = state // 2
        low, high = (math.log(step) for step in STEP)
        self.log_step = nn.Parameter(torch.rand(channels) * (high - low) + low)
        self.c = nn.Parameter(torch.randn(channels, modes, 2) * math.sqrt(0.5))
        self.log_decay = nn.Parameter(torch.log(torch.full((channels, modes), 0.5)))
        self.frequency = nn.Parameter(math.pi * torch.arange(modes).repeat(channels, 1).float())
        self.d = nn.Parameter(torch.randn(channels))

    def exponents(self) -> Tensor:
        """d A, complex (channels, modes): the logarithm of the recurrence's factor."""
        poles = torch.complex(-self.log_decay.exp(), self.frequency)
        return self.log_step.exp()[:, None] * poles

    def readout(self) -> Tensor:
        """2 C b, complex (channels, modes): what the state counts when its input counts 1."""
        poles = torch.complex(-self.log_decay.exp(), self.frequency)
        return 2 * torch.view_as_complex(self.c) * torch.expm1(self.exponents()) / poles

    def kernel(self, length: int) -> Tensor:
        """K[l] = Re(sum_n (2 C b)_n a_n^l) for l < length, (channels, length).

        a^(i s + j) = a^(i s) a^j with s near sqrt(length): one small product of real matrices.
        """
        stride = math.isqrt(length - 1) + 1
        steps = torch.arange(stride, device=self.c.device)
        exponents = self.exponents()[..., None]
        fine = torch.exp(exponents * steps)  # (channels, modes, stride)
        coarse = torch.exp(exponents * (steps * stride)) * self.readout()[..., None]
        left = torch.cat([coarse.real, -coarse.imag], dim=1).mT  # (channels, stride, 2 modes)
        right = torch.cat([fine.real, fine.imag], dim=1)  # (channels, 2 modes, stride)
        return (left @ right).flatten(1)[:, :length]

    def forward(self, u: Tensor) -> Tensor:
        """(B, L, channels) -> (B, L, channels), from a state of zeros: convolution by FFT."""
        length = u.shape[1]
        size = 1 << (2 * length - 1).bit_length()
        with torch.autocast(u.device.type, enabled=False):  # FFTs have no 16-bit precision
            x = u.transpose(1, 2).to(self.d.dtype)  # (B, channels, L)
            spectrum = torch.fft.rfft(x, n=size) * torch.fft.rfft(self.kernel(length), n=size)
            y = torch.fft.irfft(spectrum, n=size)[..., :length]
            return (y + self.d[:, None] * x).transpose(1, 2)

    def step(self, u: Tensor, before: Recurrence | None) -> tuple[Tensor, Recurrence]:
        """One frame (B, channels); `before`: what the last returned, or None for zeros.

        z = a z + u;  y = Re(sum (2 C b) z) + D u.  Returns y and the recurrence after it.
        """
        if before is None:
            factor = torch.exp(self.exponents())
            before = Recurrence(factor.new_zeros(len(u), *factor.shape), factor, self.readout())
        z = before.factor * before.z + u[..., None]
        return (before.readout * z).sum(-1).real + self.d * u, before._replace(z=z)
