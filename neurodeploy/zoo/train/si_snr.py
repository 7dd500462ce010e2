"""Scale-invariant signal-to-noise ratio, differentiable: the loss of speech enhancement.

both without their means;  s_t = <e, s> s / |s|^2;  SI-SNR = 10 log10(|s_t|^2 / |e - s_t|^2)
"""

from __future__ import annotations

import torch
from torch import Tensor

EPSILON = 1e-8


def si_snr(estimate: Tensor, clean: Tensor) -> Tensor:
    """(B, samples) each -> (B,) dB."""
    e = estimate - estimate.mean(-1, keepdim=True)
    s = clean - clean.mean(-1, keepdim=True)
    share = (e * s).sum(-1, keepdim=True) / (s.square().sum(-1, keepdim=True) + EPSILON)
    target = share * s
    signal, rest = target.square().sum(-1), (e - target).square().sum(-1)
    return 10.0 * torch.log10(signal / (rest + EPSILON) + EPSILON)
