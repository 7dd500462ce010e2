"""The zoo's speech enhancers by name, untrained: (B, samples) at 16 kHz -> `Enhanced`."""

from __future__ import annotations

from collections.abc import Callable

from neurodeploy.zoo.models.masking import MaskEnhancer
from neurodeploy.zoo.models.spiking_s4 import SpikingS4, SpikingS4Config


def spiking_s4() -> MaskEnhancer:
    """Spiking-S4 with gated emissions, 793,610 parameters."""
    return MaskEnhancer(SpikingS4(SpikingS4Config(emission="glu")))


def spiking_s4_plain() -> MaskEnhancer:
    """Spiking-S4 with plain emissions, 530,442 parameters."""
    return MaskEnhancer(SpikingS4(SpikingS4Config(emission="plain")))


def s4_ann() -> MaskEnhancer:
    """The twin of `spiking_s4` with GELU and ReLU in place of its neurons."""
    return MaskEnhancer(SpikingS4(SpikingS4Config(emission="glu", spiking=False)))


ENHANCERS: dict[str, Callable[[], MaskEnhancer]] = {
    make.__name__: make for make in (spiking_s4, spiking_s4_plain, s4_ann)
}
