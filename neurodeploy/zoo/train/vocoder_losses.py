"""Losses of vocoders: what they share with the recording, and what deceives a discriminator.

    mel        mean |log-mel(s) - log-mel(e)|, over one front end or several
    hinge      D: mean relu(1 - D(s)) + mean relu(1 + D(e));  G: mean relu(1 - D(e))
    squares    D: mean (1 - D(s))^2 + mean D(e)^2;            G: mean (1 - D(e))^2
    features   sum over maps of mean |f(s) - f(e)|, and over discriminators
    phase      f(d) = |d - 2 pi round(d / 2 pi)|: mean f of the difference of phases (IP), of its
               difference along frequency (GD), and along frames (PTD), summed

Each sum over discriminators is divided by their number. Sources: Siuzdak 2023 (Vocos,
arXiv:2306.00814) for mel, hinge and features; Mao et al. 2017 (arXiv:1611.04076) for squares; Ai
and Ling 2023 (APNet, arXiv:2305.07952) for phases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from neurodeploy.zoo.audio.mel import MelConfig, log_mel
from neurodeploy.zoo.models.discriminators import Judgement

TURN = 2.0 * math.pi


def mel_fronts(rate: int) -> tuple[MelConfig, ...]:
    """Front ends of a loss over several resolutions, windows of 2048 to 128 samples, hops a quarter
    and an eighth of a bin's width in bands (DAC's loss, arXiv:2306.06546, without its smallest)."""
    sizes = ((2048, 160), (1024, 100), (512, 60), (256, 30), (128, 15))
    return tuple(MelConfig(rate, window, window // 4, bands) for window, bands in sizes)


def mel_loss(estimate: Tensor, target: Tensor, fronts: Sequence[MelConfig]) -> Tensor:
    """(B, samples) each -> the mean over front ends."""
    both = torch.cat([estimate, target])
    losses = []
    for front in fronts:
        ours, theirs = log_mel(both, front).chunk(2)
        losses.append((ours - theirs).abs().mean())
    return torch.stack(losses).mean()


def discriminator_loss(
    real: Sequence[Judgement], made: Sequence[Judgement], *, squares: bool = False
) -> Tensor:
    """The discriminators' loss, hinge or least squares."""
    pairs = [(r[-1], m[-1]) for r, m in zip(real, made, strict=True)]
    if squares:
        terms = [(1 - r).square().mean() + m.square().mean() for r, m in pairs]
    else:
        terms = [(1 - r).relu().mean() + (1 + m).relu().mean() for r, m in pairs]
    return torch.stack(terms).mean()


def deception_loss(made: Sequence[Judgement], *, squares: bool = False) -> Tensor:
    """The generator's loss, hinge or least squares."""
    lacking = [1 - m[-1] for m in made]
    terms = [(x.square() if squares else x.relu()).mean() for x in lacking]
    return torch.stack(terms).mean()


def feature_loss(real: Sequence[Judgement], made: Sequence[Judgement]) -> Tensor:
    """Feature matching; gradients into `made` alone."""
    terms = [
        torch.stack([(a.detach() - b).abs().mean() for a, b in zip(r, m, strict=True)]).sum()
        for r, m in zip(real, made, strict=True)
    ]
    return torch.stack(terms).mean()


def _unwrapped(d: Tensor) -> Tensor:
    """|d - 2 pi round(d / 2 pi)|; its gradient is the sign, since round's own is zero."""
    return (d - TURN * torch.round(d / TURN)).abs()


def _published(d: Tensor) -> Tensor:
    """The same value as the published code has it: with a straight-through round, whose gradient
    of one takes that of d away, exactly."""
    turns = d / TURN
    straight = turns + (torch.round(turns) - turns).detach()
    return (d - TURN * straight).abs()


def phase_loss(phase: Tensor, target: Tensor, *, published: bool = False) -> Tensor:
    """(B, L, bins) each -> IP + GD + PTD. `published`: with the gradient of the published code,
    which is zero."""
    f = _published if published else _unwrapped
    d = phase - target
    return f(d).mean() + f(d.diff(dim=-1)).mean() + f(d.diff(dim=-2)).mean()
