"""The zoo's speech enhancers by name, untrained: (B, samples) at 16 kHz -> `Enhanced`.

The published Spiking-S4 cuts frames out with a rectangle, as the N-DNS challenge does. Its leakage
bounds what any mask can do: over the test set's mixtures an ideal ratio mask reaches PESQ-WB 2.8
with it and 3.5 with the square root of a Hann window, which the S4 networks here have instead. The
challenge's baseline keeps the rectangle.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.zoo.audio.stft import StftConfig
from neurodeploy.zoo.models.masking import MaskEnhancer, log_levels, shifted_in_64ths
from neurodeploy.zoo.models.sdnn_baseline import SdnnBaseline
from neurodeploy.zoo.models.spiking_s4 import SpikingS4, SpikingS4Config
from neurodeploy.zoo.models.spiking_s4_loihi import SpikingS4Loihi
from neurodeploy.zoo.train.checkpoint import load_weights

TAPERED = StftConfig(shape="sqrt_hann")


def spiking_s4() -> MaskEnhancer:
    """Spiking-S4 with gated emissions, 793,610 parameters."""
    return MaskEnhancer(SpikingS4(SpikingS4Config(emission="glu")), TAPERED)


def spiking_s4_plain() -> MaskEnhancer:
    """Spiking-S4 with plain emissions, 530,442 parameters."""
    return MaskEnhancer(SpikingS4(SpikingS4Config(emission="plain")), TAPERED)


def s4_ann() -> MaskEnhancer:
    """The twin of `spiking_s4` with GELU and ReLU in place of its neurons."""
    return MaskEnhancer(SpikingS4(SpikingS4Config(emission="glu", spiking=False)), TAPERED)


def spiking_s4_loihi() -> MaskEnhancer:
    """Spiking-S4 in which everything between the transforms runs on a Loihi-class chip."""
    return MaskEnhancer(SpikingS4Loihi(), TAPERED, log_levels)


def sdnn_baseline() -> MaskEnhancer:
    """The N-DNS challenge's sigma-delta baseline, 525,312 weights and 1,024 delays."""
    return MaskEnhancer(SdnnBaseline(), features=shifted_in_64ths)


ENHANCERS: dict[str, Callable[[], MaskEnhancer]] = {
    make.__name__: make
    for make in (spiking_s4, spiking_s4_plain, s4_ann, spiking_s4_loihi, sdnn_baseline)
}

SPIKING = frozenset(ENHANCERS) - {"s4_ann"}


def unknown_enhancer(weights: Path) -> Diagnostic | None:
    """What is wrong with the name of a file of weights, if anything."""
    if weights.stem in ENHANCERS:
        return None
    detail = f"the file is not named after one of {', '.join(ENHANCERS)}"
    return Diagnostic(str(weights), "enhancer-unknown", detail)


def load_enhancer(weights: Path) -> MaskEnhancer:
    """The network that the file is named after, with its weights, to be evaluated.

    ConfigError for a file of another name; DataError for one that does not hold its weights.
    """
    if problem := unknown_enhancer(weights):
        raise ConfigError(problem)
    model = ENHANCERS[weights.stem]().eval()
    load_weights(weights, model)
    return model
