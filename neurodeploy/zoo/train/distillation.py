"""Self-architectural distillation: a spiking vocoder learns from its artificial twin.

    feature   40 mean over blocks of MSE(adapter_i(student_i), teacher_i)
    output    10 [ mean |ln(S + 1e-7) - ln(S' + 1e-7)| + 0.05 (IP + GD + PTD) ]

An adapter, thrown away after training, is the decayed sum over steps, a 1 x 1 convolution, a layer
norm and GELU; it cannot say less than -0.17. student_i is the stream after block i and teacher_i
that of the twin; with the Temporal Shift Module student_i is what block i + 1 takes, so the last
block is without a partner, and the sum is still divided by the number of blocks.
Source: Chen et al. 2025 (Spiking Vocos, arXiv:2509.13049) and their code, whose phase terms have no
gradient (`phase_loss(published=True)`); ours have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurodeploy.zoo.models.spiking_vocos import decayed_sum
from neurodeploy.zoo.models.vocos import EPSILON, Spoken, Vocoder
from neurodeploy.zoo.train.vocoder_losses import phase_loss

TINY = 1e-7


@dataclass(frozen=True)
class DistillationRecipe:
    """Weights of the terms; the default is the published one, but for the phase's gradient."""

    feature: float = 40.0
    output: float = 10.0
    phase: float = 0.05  # inside the output's bracket
    published_phase: bool = False  # True: the published code's, which trains nothing


class Adapter(nn.Module):
    """(T, B, L, width) -> (B, L, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, stream: Tensor) -> Tensor:
        return functional.gelu(self.norm(self.mix(decayed_sum(stream))))


class Learned(NamedTuple):
    """What a student says, and its blocks in the teacher's terms."""

    spoken: Spoken
    adapted: tuple[Tensor, ...]


class Student(nn.Module):
    """A vocoder and, where it has a teacher, the adapters."""

    def __init__(self, vocoder: Vocoder, *, taught: bool) -> None:
        super().__init__()
        self.vocoder = vocoder
        c = vocoder.config
        # with the shift the published code keeps an adapter that nothing uses
        taps = c.blocks - bool(getattr(c, "shift", False))
        self.adapters = nn.ModuleList(Adapter(c.width) for _ in range(taps if taught else 0))

    def forward(self, mel: Tensor) -> Learned:
        spoken = self.vocoder(mel)
        pairs = zip(self.adapters, spoken.taps, strict=True) if self.adapters else ()
        return Learned(spoken, tuple(adapter(tap) for adapter, tap in pairs))


def distillation_loss(
    learned: Learned, teacher: Spoken, recipe: DistillationRecipe
) -> dict[str, Tensor]:
    """The weighted terms by name."""
    blocks = len(teacher.taps)
    pairs = zip(learned.adapted, teacher.taps, strict=False)
    errors = [functional.mse_loss(ours, theirs) for ours, theirs in pairs]
    ours, theirs = (torch.log(s.magnitude + TINY) for s in (learned.spoken, teacher))
    phase = phase_loss(learned.spoken.phase, teacher.phase, published=recipe.published_phase)
    return {
        "feature": recipe.feature * torch.stack(errors).sum() / blocks,
        "output": recipe.output * ((ours - theirs).abs().mean() + recipe.phase * phase),
    }
