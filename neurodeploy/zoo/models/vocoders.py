"""The zoo's vocoders by name, untrained: log-mel (B, bands, L) -> `Spoken`.

vocos, spiking_vocos          as published: 24 kHz, 13.5 M parameters
vocos_16k, spiking_vocos_16k  the same for 16 kHz
vocos_small                   16 kHz, what two cores train in an hour
spiking_vocos_small           its spiking counterpart, T = 4, with the Temporal Shift Module
spiking_vocos_small_X         one thing different: T (t1, t2, t8), no_shift, absolute or
                              no_shortcut; distilled: by zoo/train/distillation.py
spiking_vocos_loihi           what a chip can run, 24 kHz, the published sizes
spiking_vocos_loihi_small     16 kHz, four blocks of 128
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.whole_files import require_file
from neurodeploy.zoo.audio.mel import MelConfig
from neurodeploy.zoo.models.spiking_vocos import SpikingVocosConfig, spiking_vocos
from neurodeploy.zoo.models.spiking_vocos_loihi import (
    SpikingVocosLoihiConfig,
    spiking_vocos_loihi,
)
from neurodeploy.zoo.models.vocos import Vocoder, VocosConfig, vocos

MEL_16K = MelConfig(16_000, window=640, hop=160)
SMALL = VocosConfig(MEL_16K, width=192, hidden=576, blocks=6)
LOIHI_SMALL = SpikingVocosLoihiConfig(MEL_16K, width=128, hidden=384, blocks=4)


def small(**options: Any) -> Vocoder:
    """The small spiking network, `options` of SpikingVocosConfig changed."""
    shape = SpikingVocosConfig(SMALL.mel, SMALL.width, SMALL.hidden, SMALL.blocks)
    return spiking_vocos(replace(shape, **options))


VOCODERS: dict[str, Callable[[], Vocoder]] = {
    "vocos": vocos,
    "spiking_vocos": spiking_vocos,
    "vocos_16k": lambda: vocos(VocosConfig(MEL_16K)),
    "spiking_vocos_16k": lambda: spiking_vocos(SpikingVocosConfig(MEL_16K)),
    "vocos_small": lambda: vocos(SMALL),
    "spiking_vocos_small": small,
    "spiking_vocos_small_t1": lambda: small(steps=1),
    "spiking_vocos_small_t2": lambda: small(steps=2),
    "spiking_vocos_small_t8": lambda: small(steps=8),
    "spiking_vocos_small_no_shift": lambda: small(shift=False),
    "spiking_vocos_small_absolute": lambda: small(shortcut="absolute"),
    "spiking_vocos_small_no_shortcut": lambda: small(shortcut="none"),
    "spiking_vocos_small_distilled": small,
    "spiking_vocos_small_distilled_no_shift": lambda: small(shift=False),
    "spiking_vocos_loihi": spiking_vocos_loihi,
    "spiking_vocos_loihi_small": lambda: spiking_vocos_loihi(LOIHI_SMALL),
}


def vocoder_of(path: Path) -> Vocoder:
    """The untrained vocoder that a file is named after: NAME, or NAME_tuned of its integers."""
    name = path.stem.removesuffix("_tuned")
    if name not in VOCODERS:
        detail = f"the file is not named after one of {', '.join(VOCODERS)}"
        raise ConfigError(Diagnostic(str(path), "vocoder-unknown", detail))
    return VOCODERS[name]()


def load_vocoder(weights: Path) -> Vocoder:
    """The vocoder that the file NAME.safetensors is named after, with its weights, frozen.

    Raises ConfigError for another name, and what reading weights raises.
    """
    from neurodeploy.zoo.train.checkpoint import load_weights

    if weights.suffix != ".safetensors":
        detail = "weights are the file NAME.safetensors of `neurodeploy train`"
        raise ConfigError(Diagnostic(str(weights), "suffix", detail))
    vocoder = vocoder_of(require_file(weights))
    load_weights(weights, vocoder)
    return vocoder.eval().requires_grad_(False)
